"""SIGKILL at chosen and at random moments, in every verb and in the page's jobs.

    python -m benchmarks.reliability.kills                 200 kills, about a quarter of an hour
    python -m benchmarks.reliability.kills --count 48 --seed 7
    python -m benchmarks.reliability.kills --verb remove   one verb only

Every other kill comes just before a call that changes a file of the library (a write, a sync, a
rename, a removal: their places are spread over all calls of an undisturbed run), the others after
a random time. Then the library must open; nothing may be missing that was there before and is there
after an undisturbed run; a search must find what it found; and the same command, given again, must
end as if undisturbed, with the same rows, vectors, tags, sketches and answers, and encode no video
that was finished.

It needs a C compiler, and Linux.
"""

import argparse
import random
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.cases import Cases, answers
from benchmarks.reliability.failing_disk import CHANGING, FailingDisk
from benchmarks.reliability.state import State, state_of
from benchmarks.reliability.verbs import VERBS, Verb, verb_named
from benchmarks.reliability.warm import Ended, Running, WarmProcess

_MOST_TRIES = 5  # a kill may come too late: then it comes once more, earlier


@dataclass(frozen=True)
class Undisturbed:
    """A verb as it goes when nobody disturbs it."""

    before: State
    after: State
    ended: Ended
    calls: int
    answers: dict[str, float] | None
    answers_before: dict[str, float] | None


@dataclass(frozen=True)
class Kill:
    """When a process dies: before one of its calls, or after a time."""

    call: int | None = None
    after_s: float = 0.0

    def __str__(self) -> str:
        return f"at call {self.call}" if self.call else f"after {self.after_s:.3f} s"


@dataclass(frozen=True)
class Row:
    """What became of one verb's kills."""

    verb: str
    calls: int
    kills: int
    problems: int


class KillBench:
    """Kills verbs and looks what is left."""

    def __init__(self, folder: Path, compiler: str = "cc") -> None:
        self.disk = FailingDisk(folder, compiler)
        self.warm = WarmProcess(folder, self.disk.environment)
        self.cases = Cases(folder, self.warm)

    def undisturbed(self, verb: Verb) -> Undisturbed:
        """The verb, with nobody to disturb it."""
        case = verb.restored(self.cases, self.warm)
        before, answers_before = state_of(case.library), answers(self.warm, case)
        verb.prepare(case)
        running = verb.start(self.warm, case)
        self.disk.count(case.library, CHANGING, process=running.process)
        ended = verb.ended(running, self.warm)
        calls = self.disk.counted
        self.disk.heal()
        if ended.code not in (0, 3):
            raise RuntimeError(f"{verb.name} ended with {ended.code}: {ended.said}")
        after = state_of(case.library)
        return Undisturbed(before, after, ended, calls, answers(self.warm, case), answers_before)

    def problems(self, verb: Verb, kill: Kill, usual: Undisturbed) -> list[str] | None:
        """What is wrong after a kill, in sentences; None where it came too late."""
        case = verb.restored(self.cases, self.warm)
        verb.prepare(case)
        if not self._killed(verb, kill).was_killed:
            return None
        now = state_of(case.library)
        found = [f"lost: {one}" for one in usual.before.shared_with(usual.after).lost_in(now)]
        found += self.unanswered(usual)
        again = verb.run(self.warm, case)
        if not verb.ends_like(again, usual.ended):
            found.append(f"the second run ended with {again.code}: {again.said[-600:]}")
        found += [f"differs: {one}" for one in state_of(case.library).differences(usual.after)]
        found += unlike(answers(self.warm, case), usual.answers)
        return found + encoded_twice(verb, again, now, usual)

    def _killed(self, verb: Verb, kill: Kill) -> Ended:
        case = self.cases.case
        running = verb.start(self.warm, case)
        if kill.call is not None:
            self.disk.kill(case.library, CHANGING, kill.call, process=running.process)
            ended = verb.ended(running, self.warm)
        else:
            ended = _killed_after(kill.after_s, running)
        self.disk.heal()
        return ended

    def unanswered(self, usual: Undisturbed) -> Iterator[str]:
        """Files that a search found before, and will find, and does not find now."""
        if not usual.answers_before:
            return
        found = answers(self.warm, self.cases.case)
        if found is None:
            if state_of(self.cases.case.library).of("path"):  # an empty one has no answer
                yield "the library does not answer"
            return
        kept = {name for (name,) in usual.before.shared_with(usual.after).of("path")}
        kept &= usual.answers_before.keys() & (usual.answers or {}).keys()
        yield from (f"not found: {name}" for name in sorted(kept - found.keys()))


def _killed_after(seconds: float, running: Running) -> Ended:
    running.go()
    if not running.is_over_within(seconds):
        running.kill()
    return running.ended()


def unlike(found: dict[str, float] | None, usual: dict[str, float] | None) -> list[str]:
    if (found is None) != (usual is None) or (found or {}).keys() != (usual or {}).keys():
        return [f"finds {found}, not {usual}"]
    pairs = [(name, found[name], usual[name]) for name in found or {} if usual and found]
    return [f"{name} scores {a}, not {b}" for name, a, b in pairs if abs(a - b) > 0.02]


def encoded_twice(verb: Verb, again: Ended, now: State, usual: Undisturbed) -> list[str]:
    """What is to say where finished videos were encoded once more."""
    encoded, usually = verb.encoded(again), verb.encoded(usual.ended)
    if encoded is None or usually is None:
        return []
    finished = {key[0] for key in now.of("embedding")} - {
        key[0] for key in usual.before.of("embedding")
    }
    most = usually - len(finished)
    return [f"{encoded} videos encoded, not {most}"] if encoded > most else []


def kills_for(verb_calls: int, usual_s: float, count: int, chance: random.Random) -> Iterable[Kill]:
    """Half of them at calls spread over all, half at random times."""
    for number in range(count):
        if number % 2 == 0 and verb_calls:
            share = (number // 2 + chance.random()) / ((count + 1) // 2)
            yield Kill(call=1 + int(share * verb_calls))
        else:
            yield Kill(after_s=chance.uniform(0, usual_s))


def tried(bench: KillBench, verb: Verb, kill: Kill, usual: Undisturbed) -> list[str] | None:
    """The problems of a kill; one that comes too late is tried again, earlier."""
    for _ in range(_MOST_TRIES):
        problems = bench.problems(verb, kill, usual)
        if problems is not None:
            return problems
        kill = Kill(kill.call and max(1, kill.call * 2 // 3), kill.after_s * 0.6)
    return None


def main() -> None:
    """Kill, look, and say what was lost."""
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=200, help="kills in all (200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verb", action="append", help="one of the verbs; may be repeated")
    with benchmark("kills", parser) as (options, report), tempfile.TemporaryDirectory() as folder:
        rows = list(_rows(KillBench(Path(folder)), options))
        report.show("Kills", rows)
        report.figures(
            [
                Figure("kills", sum(row.kills for row in rows), "≥ 200"),
                Figure("with anything lost or wrong", sum(row.problems for row in rows), "0"),
            ]
        )


def _rows(bench: KillBench, options: argparse.Namespace) -> Iterator[Row]:
    chance = random.Random(options.seed)
    verbs = [verb_named(name) for name in options.verb] if options.verb else list(VERBS)
    each = -(-options.count // len(verbs))
    with bench.warm:
        for verb in verbs:
            usual = bench.undisturbed(verb)
            outcomes = []
            for kill in kills_for(usual.calls, usual.ended.seconds, each, chance):
                problems = tried(bench, verb, kill, usual)
                outcomes.append(problems)
                for problem in problems or ():
                    print(f"{verb.name}, {kill}: {problem}", flush=True)
            killed = [outcome for outcome in outcomes if outcome is not None]
            yield Row(verb.name, usual.calls, len(killed), sum(map(bool, killed)))
            print(f"{verb.name}: {len(killed)} kills", flush=True)


if __name__ == "__main__":
    main()
