"""Everything at once on one library, for as long as wanted.

    python -m benchmarks.reliability.soak --minutes 60
    python -m benchmarks.reliability.soak --minutes 5 --seed 7

A folder is watched all the time. Meanwhile videos come, change, are touched, renamed, deleted and
come back; and one command after another, drawn at random, indexes, searches, tags, corrects,
sketches, fuses and removes. Every fourth command is killed, or interrupted by Ctrl-C, after a
random time. After each, what was encoded and what people said must still be there. At the end, one
undisturbed run must leave what a new library of the same files holds, with the same answers.
Memory is that of the watching process, and of one that keeps the library open and searches it.

It needs Linux.
"""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.processes import resident_bytes, with_descendants
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.cases import Case, Cases, answers
from benchmarks.reliability.state import State, state_of
from benchmarks.reliability.warm import Ended, Running, WarmProcess
from search.catalog.store import EmptyLibrary
from search.library import Library
from tests.corpus import shots, write_clip

_FEWEST_VIDEOS, _MOST_VIDEOS = 4, 16
_KEPT_WHATEVER_HAPPENS = ("video", "frames", "correction")
# Words of those refusals that are right: the watch is at work, or what was named is not there.
_REFUSALS = ("another Kinodex", "knows nothing at", "nothing is indexed", "there is no", "no file")
_ENDS = (0, 3, 130, -signal.SIGKILL)


@dataclass(frozen=True)
class Row:
    """How often a command ran, and how often it was cut short."""

    command: str
    runs: int
    killed: int
    interrupted: int
    refused: int


@dataclass
class Counted:
    """What was done and what was seen."""

    runs: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    watching_bytes: list[int] = field(default_factory=list)
    searching_bytes: list[int] = field(default_factory=list)


class Soak:
    """One library, and all that happens to it."""

    def __init__(self, folder: Path, warm: WarmProcess, seed: int) -> None:
        self.case: Case = Cases(folder, warm).restore(indexed=True)
        self.counted = Counted()
        self._warm = warm
        self._chance = random.Random(seed)
        self._written = 100  # scenes drawn so far

    def step(self) -> None:
        """Change a file or two, do one thing to the library, and look what is left."""
        for _ in range(self._chance.randrange(3)):
            change = self._chance.choice((self._add, self._touch, self._alter, self._rename))
            if self._chance.random() < 0.2:
                change = self._delete
            change()
            self.counted.changes[change.__name__.strip("_")] += 1
        before = state_of(self.case.library)
        command = self._command()
        ended = self._run(command)
        self._judge(str(command[0]), ended)
        self._check_kept(before, f"{command} ended with {ended.code}")

    def _command(self) -> list[object]:
        case, chance = self.case, self._chance
        library = ["-l", case.library]
        some = chance.choice(self._videos() or [case.videos / "a.mp4"])
        vocabulary = chance.choice((case.labels, case.other_labels))
        return chance.choice(
            [
                ["index", case.videos, *library],
                ["index", "--reindex", *library],
                ["failed", "--retry", *library],
                ["search", "a dog", *library],
                ["search", "a red thing + water", "--json", *library],
                ["tag", "--vocabulary", vocabulary, *library],
                ["tag", "--correct", f"{some}@0", chance.choice(("turning", "odd")), *library],
                ["sketch", *library],
                ["fuse", "--head", chance.choice(("meanP", "seqTransf")), *library],
                ["remove", some, *library],
                ["status", *library],
                ["export", "a dog", "-k", 2, "-o", case.folder / "clips", *library],
            ]
        )

    def _run(self, command: list[object]) -> Ended:
        running = self._warm.start(command)
        running.go()
        cut_short = self._chance.random()
        if cut_short < 0.25 and not running.is_over_within(self._chance.uniform(0, 1.5)):
            name = str(command[0])
            if cut_short < 0.15:
                self.counted.killed[name] += 1
                running.kill()
            else:
                self.counted.interrupted[name] += 1
                running.signal(signal.SIGINT)
        return running.ended()

    def _judge(self, name: str, ended: Ended) -> None:
        self.counted.runs[name] += 1
        if "Traceback" in ended.said and ended.code != -signal.SIGKILL:
            self.counted.problems.append(f"{name}: a traceback: {ended.said[-1500:]}")
        elif ended.code == 1 and any(words in ended.said for words in _REFUSALS):
            self.counted.refused[name] += 1
        elif ended.code not in _ENDS:
            self.counted.problems.append(f"{name} ended with {ended.code}: {ended.said[-600:]}")

    def _check_kept(self, before: State, after_what: str) -> None:
        now = state_of(self.case.library)
        for kind in _KEPT_WHATEVER_HAPPENS:
            for lost in before.of(kind) - now.of(kind):
                self.counted.problems.append(f"lost after {after_what}: {kind} {lost}")

    def _videos(self) -> list[Path]:
        return sorted(self.case.videos.glob("*.mp4"))

    def _some(self) -> Path | None:
        videos = self._videos()
        return self._chance.choice(videos) if videos else None

    def _add(self) -> None:
        videos = self._videos()
        if len(videos) >= _MOST_VIDEOS:
            return
        self._written += 1
        lengths = [self._chance.randrange(13, 30) for _ in range(self._chance.randrange(1, 4))]
        draft = self.case.folder / "draft.mp4"
        write_clip(draft, shots(lengths))
        draft.rename(self.case.videos / f"{self._written}.mp4")

    def _touch(self) -> None:
        if video := self._some():
            video.touch()

    def _alter(self) -> None:
        one, other = self._some(), self._some()
        if one and other:
            one.write_bytes(other.read_bytes())

    def _rename(self) -> None:
        self._written += 1
        if video := self._some():
            video.rename(video.with_name(f"{self._written}.mp4"))

    def _delete(self) -> None:
        if len(self._videos()) > _FEWEST_VIDEOS:
            self._chance.choice(self._videos()).unlink()


def end_state(soak: Soak, warm: WarmProcess) -> Iterator[str]:
    """What the library has otherwise than a new one of the same files, after a quiet run."""
    case = soak.case
    quiet: list[list[object]] = [
        ["fuse", "--head", "seqTransf", "-l", case.library],
        ["index", case.videos, "-l", case.library],
        ["failed", "--retry", "-l", case.library],
    ]
    for command in quiet:
        ended = warm.run(command)
        if ended.code not in (0, 3):
            yield f"{command[0]} ended with {ended.code} at the end: {ended.said[-600:]}"
    new = Case(case.folder / "new")
    new.library.mkdir(parents=True)
    shutil.copy(case.library / "library.toml", new.library)
    warm.run(["index", case.videos, "-m", "bundled", "-l", new.library])
    expected = state_of(new.library)
    wanted = ("path", "video", "segment", "frames", "embedding")
    things = {key: value for key, value in expected.things.items() if key[0] in wanted}
    yield from State(things).lost_in(state_of(case.library))
    found, usual = answers(warm, case), answers(warm, new)
    if (found or {}).keys() != (usual or {}).keys():
        yield f"finds {found}, not {usual}"


class Witness:
    """A process that keeps the library open and searches it: this one."""

    def __init__(self, library: Path) -> None:
        self._library = Library.open(library)

    def search(self) -> int:
        """Search; → how much memory this process has in use."""
        with contextlib.suppress(EmptyLibrary):  # all that is there has failed or changes now
            self._library.search("a dog at night", k=20)
        return resident_bytes(os.getpid())


def _soaked(soak: Soak, watching: Running, minutes: float) -> None:
    witness = Witness(soak.case.library)
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        soak.step()
        processes = with_descendants(watching.process)
        soak.counted.watching_bytes.append(sum(map(resident_bytes, processes)))
        soak.counted.searching_bytes.append(witness.search())
        if watching.is_over():
            soak.counted.problems.append("the watch has ended")
            return


def _growth(values: list[int]) -> float:
    """By how many MB the last quarter is above the second one, in the middle."""
    quarter = len(values) // 4
    if not quarter:  # it ended before there was anything to compare
        return 0.0
    return (median(values[-quarter:]) - median(values[quarter : 2 * quarter])) / 1e6


def main() -> None:
    """Do it all, and say what was lost."""
    parser = parser_for(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", type=int, default=1)
    with benchmark("soak", parser) as (options, report), tempfile.TemporaryDirectory() as name:
        folders = [Path(name).resolve() / part for part in ("commands", "watch")]
        for folder in folders:
            folder.mkdir()
        with WarmProcess(folders[0]) as warm, WarmProcess(folders[1]) as watch:
            soak = Soak(folders[0], warm, options.seed)
            case = soak.case
            watching = watch.start(["index", case.videos, "--watch", "-l", case.library])
            watching.go()
            began_s = time.monotonic()
            _soaked(soak, watching, options.minutes)
            minutes = (time.monotonic() - began_s) / 60
            watching.signal(signal.SIGTERM)
            ended = watching.ended()
            if ended.code != 0 or "Traceback" in ended.said:
                soak.counted.problems.append(f"the watch: {ended.code}, {ended.said[-1500:]}")
            soak.counted.problems += end_state(soak, warm)
            size = sum(one.stat().st_size for one in case.library.rglob("*") if one.is_file())
        counted = soak.counted
        for problem in counted.problems:
            print(problem)
        report.show("Commands", [Row(*row) for row in _rows(counted)])
        report.figures(
            [
                Figure("minutes", minutes, "≥ 60"),
                Figure("commands", sum(counted.runs.values())),
                Figure("killed", sum(counted.killed.values())),
                Figure("interrupted", sum(counted.interrupted.values())),
                Figure("changes of files", sum(counted.changes.values())),
                Figure("anything lost or wrong", len(counted.problems), "0"),
                Figure("memory of the watch, MB", median(counted.watching_bytes) / 1e6),
                Figure("its growth, MB", _growth(counted.watching_bytes), "about 0"),
                Figure("growth of a searching process, MB", _growth(counted.searching_bytes)),
                Figure("size of the library, MB", size / 1e6),
            ]
        )


def _rows(counted: Counted) -> Iterator[tuple[str, int, int, int, int]]:
    for name, runs in sorted(counted.runs.items()):
        cuts = counted.killed[name], counted.interrupted[name], counted.refused[name]
        yield (name, runs, *cuts)


if __name__ == "__main__":
    main()
