"""A disk that is full or broken, at every n-th call of a small run.

    python -m benchmarks.reliability.disks                 300 faults, about half an hour
    python -m benchmarks.reliability.disks --each 3 --seed 7
    python -m benchmarks.reliability.disks --verb index --fault "bad reads of videos" --each 0

The calls of an undisturbed run are counted; then the verb runs again, and one of these calls fails,
or all from one on: with EIO (the disk is broken) or ENOSPC (it is full). The places are spread over
all calls; `--each 0` takes every single one. The command must end by itself, with an exit code that
is documented, and without a traceback. Once the disk is well again, the library must open; nothing
may be missing that was there before and is there after an undisturbed run; and the same command
must end as if undisturbed, and encode no video that was finished.

It needs a C compiler, and Linux.
"""

import argparse
import errno
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.cases import Case, answers
from benchmarks.reliability.failing_disk import CHANGING, NEEDING_SPACE, READING, Calls
from benchmarks.reliability.kills import KillBench, Undisturbed, encoded_twice, unlike
from benchmarks.reliability.state import state_of
from benchmarks.reliability.verbs import Verb, verb_named
from benchmarks.reliability.warm import Ended

_LONGEST_S = 60.0
_DOCUMENTED = (0, 1, 2, 3, 130)


@dataclass(frozen=True)
class Fault:
    """A way in which a disk fails.

    on: "library" or "videos": whose files
    ever: whether it goes on once it has begun
    """

    name: str
    on: str
    calls: Calls
    error: int = errno.EIO
    ever: bool = False

    def folder(self, case: Case) -> Path:
        """Where it happens."""
        return case.library if self.on == "library" else case.videos


FAULTS = (
    Fault("bad reads of videos", "videos", READING),
    Fault("bad reads of videos, from one on", "videos", READING, ever=True),
    Fault("bad reads of the library", "library", READING),
    Fault("bad reads of the library, from one on", "library", READING, ever=True),
    Fault("bad writes", "library", CHANGING),
    Fault("bad writes, from one on", "library", CHANGING, ever=True),
    Fault("no space, once", "library", NEEDING_SPACE, errno.ENOSPC),
    Fault("no space, from one on", "library", NEEDING_SPACE, errno.ENOSPC, ever=True),
)
_VERBS = ("index", "index again", "search", "tag", "sketch", "remove")
# What fails in these is the run, not what the library keeps; the disk matters less to the others.


@dataclass(frozen=True)
class Row:
    """What became of one verb's faults of one kind."""

    verb: str
    fault: str
    calls: int
    tried: int
    problems: int


class DiskBench(KillBench):
    """Lets disks fail under verbs and looks what is left."""

    def calls(self, verb: Verb, fault: Fault) -> int:
        """How many calls an undisturbed run has that this fault can hit."""
        case = self._prepared(verb)
        self.disk.count(fault.folder(case), fault.calls)
        verb.run(self.warm, case)
        counted = self.disk.counted
        self.disk.heal()
        return counted

    def failing(self, verb: Verb, fault: Fault, call: int, usual: Undisturbed) -> list[str]:
        """What is wrong after this call has failed, in sentences."""
        case = self._prepared(verb)
        self.disk.fail(fault.folder(case), fault.calls, call, error=fault.error, ever=fault.ever)
        ended = verb.start(self.warm, case).ended(_LONGEST_S)
        self.disk.heal()
        now = state_of(case.library)
        found = list(_badly_ended(ended))
        found += [f"lost: {one}" for one in usual.before.shared_with(usual.after).lost_in(now)]
        found += self.unanswered(usual)
        again = verb.run(self.warm, case)
        if not verb.ends_like(again, usual.ended):
            found.append(f"the second run ended with {again.code}: {again.said[-600:]}")
        found += [f"differs: {one}" for one in state_of(case.library).differences(usual.after)]
        found += unlike(answers(self.warm, case), usual.answers)
        return found + encoded_twice(verb, again, now, usual)

    def _prepared(self, verb: Verb) -> Case:
        case = verb.restored(self.cases, self.warm)
        verb.prepare(case)
        return case


def _badly_ended(ended: Ended) -> Iterator[str]:
    if ended.hung:
        yield f"it hangs: {ended.said[-300:]}"
    elif ended.code not in _DOCUMENTED:
        yield f"it ends with {ended.code}: {ended.said[-600:]}"
    if "Traceback" in ended.said:
        yield f"a traceback: {ended.said[-1500:]}"


def chosen_calls(calls: int, each: int, chance: random.Random) -> list[int]:
    """As many calls as wanted, spread over all of them; all of them for 0."""
    if not each or each >= calls:
        return list(range(1, calls + 1))
    return sorted({1 + int((number + chance.random()) / each * calls) for number in range(each)})


def main() -> None:
    """Let disks fail, look, and say what was lost."""
    parser = parser_for(__doc__)
    parser.add_argument("--each", type=int, default=7, help="places of each verb and fault (7)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verb", action="append", help="one of the verbs; may be repeated")
    parser.add_argument("--fault", action="append", help="one of the faults; may be repeated")
    with benchmark("disks", parser) as (options, report), tempfile.TemporaryDirectory() as folder:
        rows = list(_rows(DiskBench(Path(folder)), options))
        report.show("Failing disks", rows)
        full = sum(row.tried for row in rows if row.fault.startswith("no space"))
        bad = sum(row.tried for row in rows if row.fault.startswith("bad reads"))
        report.figures(
            [
                Figure("full disks", full, "≥ 100"),
                Figure("bad reads", bad, "≥ 100"),
                Figure("bad writes", sum(row.tried for row in rows) - full - bad),
                Figure("with anything lost or wrong", sum(row.problems for row in rows), "0"),
            ]
        )


def _rows(bench: DiskBench, options: argparse.Namespace) -> Iterator[Row]:
    chance = random.Random(options.seed)
    faults = [fault for fault in FAULTS if not options.fault or fault.name in options.fault]
    with bench.warm:
        for verb in map(verb_named, options.verb or _VERBS):
            usual = bench.undisturbed(verb)
            for fault in faults:
                calls = bench.calls(verb, fault)
                chosen = chosen_calls(calls, options.each, chance)
                found = [bench.failing(verb, fault, call, usual) for call in chosen]
                for call, problems in zip(chosen, found, strict=True):
                    for problem in problems:
                        print(f"{verb.name}, {fault.name}, call {call}: {problem}", flush=True)
                if chosen:
                    yield Row(verb.name, fault.name, calls, len(chosen), sum(map(bool, found)))


if __name__ == "__main__":
    main()
