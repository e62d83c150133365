"""The mishaps that once emptied a library, each several times; nothing may be lost.

    python -m benchmarks.reliability.mishaps                 each of six, ten times: some minutes
    python -m benchmarks.reliability.mishaps --each 3 --mishap "touch, then Ctrl-C"

Every video, segment, tag, sketch and word of a person that was there must be there afterwards, a
search must find what it found (but for what was removed), and indexing once more must encode
nothing. It needs a C compiler, and Linux.
"""

import argparse
import errno
import json
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.cases import Case, answers
from benchmarks.reliability.failing_disk import READING, Calls
from benchmarks.reliability.kills import KillBench, unlike
from benchmarks.reliability.state import state_of
from benchmarks.reliability.verbs import verb_named
from benchmarks.reliability.warm import Running, WarmProcess

_REMOVED = "b.mp4"
_KEPT = ("video", "segment", "frames", "embedding", "tag", "correction", "sketch")
_LONGEST_WAIT_S = 60.0
_SOON_S = 0.1  # of the time in which touched files are read, which is short

Happening = Callable[["MishapBench", Case, random.Random], None]


@dataclass(frozen=True)
class Mishap:
    """Something that happens to an indexed library.

    removes: whether one of its files is taken out of it on purpose meanwhile
    """

    name: str
    happen: Happening
    removes: bool = False


@dataclass(frozen=True)
class Row:
    """What became of the library, over all times that a mishap happened."""

    mishap: str
    times: int
    things_lost: int
    encoded_again: int
    problems: int


def _touch(case: Case) -> None:
    for file in case.videos.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))


def _files_wait(case: Case, running: Running) -> bool:
    """Wait until a run has found the touched files and not looked at all of them yet.

    Where it ends before anybody has seen that, there is nothing more to wait for.
    """
    deadline = time.monotonic() + _LONGEST_WAIT_S
    with closing(sqlite3.connect(case.library / "catalog.db", timeout=30)) as catalog:
        while time.monotonic() < deadline and not running.is_over():
            query = "SELECT COUNT(*) FROM paths WHERE status = 'waiting'"
            if catalog.execute(query).fetchone()[0]:
                return True
            time.sleep(0.002)
    return False


def _whole_disk_fails(bench: "MishapBench", case: Case, _: random.Random) -> None:
    bench.disk.fail(case.videos, READING & ~(Calls.LOOK | Calls.LIST), 1, ever=True)
    verb_named("index again").start(bench.warm, case).ended()
    bench.disk.heal()


def _one_file_is_closed(bench: "MishapBench", case: Case, chance: random.Random) -> None:
    file = chance.choice(["a.mp4", "b.mp4", "c.mp4", "copy.mp4"])
    bench.disk.fail(case.videos / file, Calls.OPEN, 1, error=errno.EACCES, ever=True)
    verb_named("index again").start(bench.warm, case).ended()
    bench.disk.heal()


def _ended_by(number: int, verb: str) -> Happening:
    def happen(bench: "MishapBench", case: Case, chance: random.Random) -> None:
        _touch(case)
        running = verb_named(verb).start(bench.warm, case)
        running.go()
        if _files_wait(case, running) and not running.is_over_within(chance.uniform(0, _SOON_S)):
            running.kill() if number == signal.SIGKILL else running.signal(number)
        running.ended()

    return happen


def _killed_then_removed(bench: "MishapBench", case: Case, chance: random.Random) -> None:
    _ended_by(signal.SIGKILL, "index again")(bench, case, chance)
    bench.warm.run(["remove", case.videos / _REMOVED, "-l", case.library])


def _removed_meanwhile(bench: "MishapBench", case: Case, chance: random.Random) -> None:
    """Another process removes a file while one indexes."""
    _touch(case)
    running = verb_named("index again").start(bench.warm, case)
    running.go()
    if _files_wait(case, running):
        running.is_over_within(chance.uniform(0, _SOON_S))
    bench.other.run(["remove", case.videos / _REMOVED, "-l", case.library])
    running.ended()


MISHAPS = (
    Mishap("bad reads for a whole run", _whole_disk_fails),
    Mishap("a file may not be opened", _one_file_is_closed),
    Mishap("touch, then Ctrl-C", _ended_by(signal.SIGINT, "index again")),
    Mishap("touch, then SIGTERM of a watch", _ended_by(signal.SIGTERM, "index --watch")),
    Mishap("touch, SIGKILL, then remove", _killed_then_removed, removes=True),
    Mishap("remove during a run", _removed_meanwhile, removes=True),
)


class MishapBench(KillBench):
    """Lets mishaps happen to a library that is whole, and looks what is left of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        beside = folder / "beside"
        beside.mkdir()
        self.other = WarmProcess(beside)

    def problems_after(self, mishap: Mishap, chance: random.Random) -> tuple[int, int, list[str]]:
        """How many things were lost, how many videos encoded again, and all that is wrong."""
        case = self.cases.restore(indexed=True)
        before, found_before = state_of(case.library), answers(self.warm, case)
        mishap.happen(self, case, chance)
        lost = [one for one in before.lost_in(state_of(case.library)) if one.startswith(_KEPT)]
        said = [f"lost: {one}" for one in lost]
        found = answers(self.warm, case) or {}
        expected = set(found_before or {}) - ({_REMOVED} if mishap.removes else set())
        said += [f"not found: {name}" for name in sorted(expected - found.keys())]
        again = verb_named("index again").start(self.warm, case).ended()
        if again.code != 3:  # one of the files is broken
            said.append(f"indexing ends with {again.code}: {again.said[-600:]}")
        encoded = json.loads(again.out.splitlines()[-1])["encoded"] if again.code == 3 else 0
        said += [f"encoded again: {encoded}"] if encoded else []
        said += unlike(answers(self.warm, case), found_before)
        return len(lost), encoded, said


def main() -> None:
    """Let it happen, look, and say what was lost."""
    parser = parser_for(__doc__)
    parser.add_argument("--each", type=int, default=10, help="times that each happens (10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mishap", action="append", help="one of them; may be repeated")
    with benchmark("mishaps", parser) as (options, report), tempfile.TemporaryDirectory() as folder:
        rows = list(_rows(MishapBench(Path(folder)), options))
        report.show("Mishaps", rows)
        report.figures(
            [
                Figure("mishaps", sum(row.times for row in rows), "≥ 60"),
                Figure("things lost", sum(row.things_lost for row in rows), "0"),
                Figure("videos encoded again", sum(row.encoded_again for row in rows), "0"),
                Figure("with anything wrong", sum(row.problems for row in rows), "0"),
            ]
        )


def _rows(bench: MishapBench, options: argparse.Namespace) -> Iterator[Row]:
    chance = random.Random(options.seed)
    with bench.warm, bench.other:
        for mishap in MISHAPS:
            if options.mishap and mishap.name not in options.mishap:
                continue
            outcomes = [bench.problems_after(mishap, chance) for _ in range(options.each)]
            print(f"{mishap.name}: {len(outcomes)} times", flush=True)
            for _, _, problems in outcomes:
                for problem in problems:
                    print(f"{mishap.name}: {problem}", flush=True)
            lost = sum(things for things, _, _ in outcomes)
            encoded = sum(videos for _, videos, _ in outcomes)
            wrong = sum(bool(problems) for _, _, problems in outcomes)
            yield Row(mishap.name, len(outcomes), lost, encoded, wrong)


if __name__ == "__main__":
    main()
