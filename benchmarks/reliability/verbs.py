"""What can be done to a library, each on a case in a known state."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.reliability.cases import Case, Cases
from benchmarks.reliability.warm import Ended, Running, WarmProcess

Command = Callable[[Case], list[object]]
Step = Callable[[Case], None]


@dataclass(frozen=True)
class Verb:
    """One thing that a person does.

    command: the arguments of `kinodex`, but for the library's folder; or a page's job
    indexed: whether everything is indexed before
    first: another command that is done before
    prepare: what happens to the files before
    counts: whether the command says with --json how many videos it has encoded
    ends_by: words after which it is told to end, where it does not end by itself
    once_done: what it says, with exit code 1, where all is done already
    """

    name: str
    command: Command
    indexed: bool = True
    first: Command | None = None
    prepare: Step = lambda _case: None
    counts: bool = False
    ends_by: str = ""
    once_done: str = ""

    def restored(self, cases: Cases, warm: WarmProcess) -> Case:
        """The case in the state that this begins with, but for what happens to the files."""
        case = cases.restore(indexed=self.indexed)
        if self.first is not None and (ended := warm.run(self.first(case))).code != 0:
            raise RuntimeError(f"before {self.name}: {ended.said}")
        return case

    def start(self, warm: WarmProcess, case: Case) -> Running:
        """A process that does it; it waits until it is told to go."""
        return warm.start(self.command(case))

    def ended(self, running: Running, warm: WarmProcess) -> Ended:
        """Wait for its end, which a watch is told of."""
        if self.ends_by:
            running.go()
            _end_after(self.ends_by, running, warm)
        return running.ended()

    def run(self, warm: WarmProcess, case: Case) -> Ended:
        """Do it, undisturbed."""
        return self.ended(self.start(warm, case), warm)

    def ends_like(self, again: Ended, usual: Ended) -> bool:
        """Whether a second run ends as an undisturbed one, or finds that all is done."""
        was_done = bool(self.once_done) and self.once_done in again.said
        return again.code == usual.code or (again.code == 1 and was_done)

    def encoded(self, ended: Ended) -> int | None:
        """How many videos it has encoded, where it says so."""
        if not self.counts:
            return None
        lines = [line for line in ended.out.splitlines() if line.startswith("{")]
        return json.loads(lines[-1])["encoded"] if lines else 0


def _end_after(words: str, running: Running, warm: WarmProcess, longest_s: float = 60) -> None:
    deadline = time.monotonic() + longest_s
    while time.monotonic() < deadline and not running.is_over():
        if words in warm.said():
            running.signal(signal.SIGTERM)
            return
        time.sleep(0.02)


def _kinodex(*arguments: object) -> Command:
    return lambda case: [*(_filled(one, case) for one in arguments), "-l", case.library]


def _filled(argument: object, case: Case) -> object:
    """A part of the case, where the argument names one: "{videos}/a.mp4"."""
    places = {
        "videos": case.videos,
        "folder": case.folder,
        "labels": case.labels,
        "other_labels": case.other_labels,
    }
    return argument.format_map(places) if isinstance(argument, str) else argument


def _job(kind: str, **values: Any) -> Command:
    def command(case: Case) -> list[object]:
        filled = {
            key: [_filled(one, case) for one in value] if key == "paths" else _filled(value, case)
            for key, value in values.items()
        }
        usual: Mapping[str, Any] = {"paths": [], "name": "", "redo": False}
        request = {**usual, **filled, "kind": kind, "library": str(case.library)}
        return ["job", json.dumps(request)]

    return command


def _much_happens(case: Case) -> None:
    """One video comes, one is touched, one changes, one is renamed."""
    videos = case.videos
    shutil.copy(case.arrivals / "d.mp4", videos / "d.mp4")
    os.utime(videos / "b.mp4", (1_700_000_000, 1_700_000_000))
    (videos / "c.mp4").write_bytes((case.arrivals / "e.mp4").read_bytes())
    (videos / "copy.mp4").rename(videos / "renamed.mp4")


def _other_sampling(case: Case) -> None:
    file = case.library / "library.toml"
    file.write_text(file.read_text().replace("[index]", "[index]\nsample_rate = 4.0"))


def _mended(case: Case) -> None:
    (case.videos / "broken.mp4").write_bytes((case.arrivals / "d.mp4").read_bytes())


def _no_vectors(case: Case) -> None:
    shutil.rmtree(case.library / "vectors")


_INDEX = ("index", "{videos}", "-m", "bundled", "--json")
VERBS = (
    Verb("index", _kinodex(*_INDEX), indexed=False, counts=True),
    Verb("index again", _kinodex(*_INDEX), prepare=_much_happens, counts=True),
    Verb("index --sketch", _kinodex(*_INDEX, "--sketch"), prepare=_much_happens),
    Verb("index --reindex", _kinodex("index", "--reindex", "--json")),
    Verb(
        "index --reindex, otherwise",
        _kinodex("index", "--reindex", "--json"),
        prepare=_other_sampling,
    ),
    Verb(
        "index --watch",
        _kinodex("index", "{videos}", "--watch"),
        prepare=_much_happens,
        ends_by="for more; Ctrl-C ends it",
    ),
    Verb("failed --retry", _kinodex("failed", "--retry"), prepare=_mended),
    Verb("fuse", _kinodex("fuse", "--head", "meanP")),
    Verb("tag", _kinodex("tag", "--vocabulary", "{other_labels}")),
    Verb("tag --correct", _kinodex("tag", "--correct", "{videos}/a.mp4@0", "turning")),
    Verb("sketch", _kinodex("sketch", "--strokes", 3)),
    Verb("sketch --redo", _kinodex("sketch", "--redo")),
    Verb(
        "remove",
        _kinodex("remove", "{videos}/a.mp4", "{videos}/b.mp4"),
        once_done="nothing was removed",
    ),
    Verb("remove, a folder", _kinodex("remove", "{videos}"), once_done="nothing was removed"),
    Verb(
        "clean",
        _kinodex("clean", "--now"),
        first=_kinodex("remove", "{videos}/a.mp4", "{videos}/copy.mp4", "{videos}/b.mp4"),
    ),
    Verb("verify --repair", _kinodex("verify", "--repair"), prepare=_no_vectors),
    Verb("backup", _kinodex("backup", "{folder}/kept.backup")),
    Verb(
        "restore --replace",
        _kinodex("restore", "{folder}/kept.backup", "--replace"),
        first=_kinodex("backup", "{folder}/kept.backup"),
    ),
    Verb("search", _kinodex("search", "a dog")),
    Verb("search by picture", _kinodex("search", "--like", "{videos}/b.mp4@0")),
    Verb("export", _kinodex("export", "a dog", "-o", "{folder}/clips")),
    Verb("page: index", _job("index", paths=["{videos}"]), prepare=_much_happens),
    Verb("page: retry", _job("retry"), prepare=_mended),
    Verb("page: reindex", _job("reindex")),
    Verb("page: fuse", _job("fuse", name="meanP")),
    Verb("page: tag", _job("tag", name="{other_labels}")),
    Verb("page: sketch", _job("sketch", redo=True)),
)


def verb_named(name: str) -> Verb:
    """One of the VERBS."""
    return next(verb for verb in VERBS if verb.name == name)
