"""How many mistakes the tests notice: breaks random places of the code, one at a time.

    python -m benchmarks.reliability.breaking --count 200 --seed 1 [--room search]

Each place is broken in a copy, in which the tests that run it are run, the closest first, until
one fails. `places` says what counts as a place. A test that hangs has noticed too; one that fails
on the sound code as well has not. Which tests run what is gathered when it is first needed: that
takes as long as all tests do.
"""

import difflib
import os
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.covering import (
    PACKAGES,
    PROJECT,
    Covering,
    closest_first,
    copies,
    covering,
    run_all,
    tracked,
)
from benchmarks.reliability.forked_tests import LIBRARIES, Job, TestRunner
from benchmarks.reliability.places import Breakage, places

# Tests are started in parcels of so many seconds of work: most mistakes are noticed at once.
_PARCELS_S = (8.0, 40.0, 1e9)
# A machine that is busy with other things is slow, and a test that hangs, hangs for ever.
_LIMIT_S = 120.0
_SLOWNESS = 20.0


@dataclass(frozen=True)
class Verdict:
    """What became of a breakage.

    noticed: the test that failed, or None; tests: how many were to run, of how many that cover it
    """

    place: str
    kind: str
    noticed: str | None
    hung: bool
    tests: int
    covering: int
    change: str

    @property
    def room(self) -> str:
        return self.place.partition("/")[0]


@dataclass(frozen=True)
class RoomFigures:
    """How many breakages of a package were noticed."""

    room: str
    broken: int
    noticed: int
    hung: int
    lived: int
    percent: float


def chosen(count: int, seed: int, room: str) -> list[Breakage]:
    """So many places at random, each broken in a random way."""
    found = [
        place
        for name in (file for package in PACKAGES for file in tracked(f"{package}/**.py"))
        if f"{name}/".startswith(room)
        for place in places((PROJECT / name).read_text(encoding="utf-8"), name)
    ]
    rng = random.Random(seed)
    return [rng.choice(place) for place in rng.sample(found, min(count, len(found)))]


def parcels(tests: Sequence[Covering], most_s: float) -> Iterator[list[Covering]]:
    """Tests in their order, a few seconds' worth first; nothing after `most_s`."""
    left, room_s = list(tests), most_s
    for size_s in _PARCELS_S:
        parcel: list[Covering] = []
        taken_s = 0.0
        while left and taken_s < min(size_s, room_s):
            taken_s += left[0].seconds
            parcel.append(left.pop(0))
        room_s -= taken_s
        if parcel:
            yield parcel


def judge(
    breakage: Breakage, tree: Path, runner: TestRunner, tests: Sequence[Covering], most_s: float
) -> Verdict:
    """Break a copy, run the tests that could notice, and mend it."""
    held = closest_first(breakage.block, breakage.path, tests)
    file = tree / breakage.path
    sound, written = file.read_bytes(), file.stat()
    broken = breakage.apply(sound)
    file.write_bytes(broken)
    # Python takes a file for unchanged by its size and the second of its change.
    os.utime(file, (0, breakage.begin))
    noticed, hung, ran = None, False, 0
    for parcel in parcels(held, most_s):
        ran += len(parcel)
        outcome = runner.run(_job(parcel))
        hung = outcome.timed_out
        noticed = "a test hung" if hung else outcome.failed
        if noticed:
            break
    file.write_bytes(sound)
    os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns))
    return Verdict(
        f"{breakage.path}:{breakage.line}",
        breakage.kind,
        noticed,
        hung,
        ran,
        len(held),
        _difference(sound, broken),
    )


def _job(parcel: Sequence[Covering]) -> Job:
    files = list(dict.fromkeys(one.file for one in parcel))
    limit_s = _LIMIT_S + _SLOWNESS * sum(one.seconds for one in parcel)
    return Job(files, [one.test for one in parcel], limit_s, to_first_failure=True)


def without_false_alarms(
    verdicts: Sequence[Verdict],
    tree: Path,
    tests: Sequence[Covering],
    libraries: Sequence[str] = LIBRARIES,
) -> list[Verdict]:
    """The same, but for breakages that were noticed by tests which fail without any too."""
    noticing = {one.noticed for one in verdicts}
    asked = [one for one in tests if one.test in noticing]
    with TestRunner(tree, libraries) as runner:
        outcome = runner.run(replace(_job(asked), to_first_failure=False))
    failing = {one.test for one in asked} - set(outcome.passed)
    return [replace(one, noticed=None) if one.noticed in failing else one for one in verdicts]


def _difference(sound: bytes, broken: bytes) -> str:
    lines = difflib.unified_diff(
        sound.decode().splitlines(), broken.decode().splitlines(), n=0, lineterm=""
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def figures(verdicts: Sequence[Verdict]) -> list[RoomFigures]:
    """The figures of each package."""
    rows = []
    for room in PACKAGES:
        of_room = [one for one in verdicts if one.room == room]
        noticed = sum(one.noticed is not None for one in of_room)
        rows.append(
            RoomFigures(
                room,
                len(of_room),
                noticed,
                sum(one.hung for one in of_room),
                len(of_room) - noticed,
                100 * noticed / max(1, len(of_room)),
            )
        )
    return rows


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many places")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", default="", help="search, search/tags, search/tags/reading.py")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="copies at a time")
    parser.add_argument(
        "--most-s", type=float, default=180.0, help="seconds of tests for one breakage"
    )
    with benchmark("breaking", parser) as (options, report):
        tests = covering(options.workers)
        breakages = chosen(options.count, options.seed, options.room)
        verdicts: list[Verdict] = []

        def do(tree: Path, runner: TestRunner, job: object) -> None:
            assert isinstance(job, Breakage)
            verdicts.append(judge(job, tree, runner, tests, options.most_s))
            _say(verdicts[-1], len(verdicts), len(breakages))

        with copies(options.workers) as trees:
            run_all(trees, breakages, do)
            verdicts = without_false_alarms(verdicts, trees[0], tests)
        report.show("Breakages", figures(verdicts))
        report.keep("Verdicts", verdicts)
        for one in verdicts:
            if one.noticed is None:
                print(f"\n{one.place} ({one.kind}; {one.tests} of {one.covering} tests)")
                print(one.change)
        share = 100 * sum(one.noticed is not None for one in verdicts) / len(verdicts)
        report.figures([Figure("noticed, %", share, "≥ 95")])


def _say(verdict: Verdict, number: int, count: int) -> None:
    told = verdict.noticed or "LIVED"
    print(f"{number}/{count} {verdict.place} {verdict.kind}: {told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
