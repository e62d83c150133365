"""A folder of videos with its library, in a known state, in the same folder each time."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.warm import WarmProcess
from tests.corpus import shots, write_clip

_SETTINGS = """\
[index]
watch_every_s = 0.1
watch_still_s = 0.0

[tags]
min_probability = 0.01

[sketch]
strokes = 2
"""
_LABELS = "growing\nturning\nfalling\n"
_OTHER_LABELS = "standing still\nflying\n"
_SHOTS = {"a.mp4": (15, 15), "b.mp4": (16, 18), "c.mp4": (17, 15), "d.mp4": (22,), "e.mp4": (24,)}


@dataclass(frozen=True)
class Case:
    """The folder of a case. `videos` holds a, b, c, a copy of a, and a broken one."""

    folder: Path

    @property
    def videos(self) -> Path:
        return self.folder / "videos"

    @property
    def library(self) -> Path:
        return self.folder / "library"

    @property
    def arrivals(self) -> Path:
        """Videos that have not come yet: d and e."""
        return self.folder / "arrivals"

    @property
    def labels(self) -> Path:
        """A vocabulary."""
        return self.folder / "labels.txt"

    @property
    def other_labels(self) -> Path:
        """Another one."""
        return self.folder / "other-labels.txt"


class Cases:
    """Makes the folder anew for each case, from templates that are made once.

    Paths stand in catalogs, so each case has the same folder.
    """

    def __init__(self, folder: Path, warm: WarmProcess) -> None:
        self.case = Case(folder / "case")
        self._templates = folder / "templates"
        self._make(warm)

    def restore(self, *, indexed: bool) -> Case:
        """The case with nothing indexed, or with everything indexed, tagged and sketched."""
        shutil.rmtree(self.case.folder, ignore_errors=True)
        shutil.copytree(self._templates / ("full" if indexed else "new"), self.case.folder)
        return self.case

    def _make(self, warm: WarmProcess) -> None:
        case = self.case
        case.videos.mkdir(parents=True)
        case.arrivals.mkdir()
        case.library.mkdir()
        for name, lengths in _SHOTS.items():
            folder = case.arrivals if name in ("d.mp4", "e.mp4") else case.videos
            write_clip(folder / name, shots(lengths))
        shutil.copy(case.videos / "a.mp4", case.videos / "copy.mp4")
        (case.videos / "broken.mp4").write_bytes((case.videos / "a.mp4").read_bytes()[:300])
        case.labels.write_text(_LABELS)
        case.other_labels.write_text(_OTHER_LABELS)
        (case.library / "library.toml").write_text(_SETTINGS)
        shutil.copytree(case.folder, self._templates / "new")
        self._fill(warm)
        shutil.copytree(case.folder, self._templates / "full")

    def _fill(self, warm: WarmProcess) -> None:
        library = ["-l", self.case.library]
        steps: list[tuple[int, list[object]]] = [
            (3, ["index", self.case.videos, "-m", "bundled"]),
            (0, ["tag", "--vocabulary", self.case.labels]),
            (0, ["tag", "--correct", f"{self.case.videos / 'b.mp4'}@0", "juggling"]),
            (0, ["sketch"]),
        ]
        for code, step in steps:
            ended = warm.run([*step, *library])
            if ended.code != code:
                raise RuntimeError(f"{step} ended with {ended.code}: {ended.said}")


def answers(warm: WarmProcess, case: Case) -> dict[str, float] | None:
    """The files that a search finds, with their scores; None where it cannot be asked."""
    ended = warm.run(["search", "a dog", "-k", 50, "--json", "-l", case.library])
    if ended.code != 0:
        return None
    hits = map(json.loads, ended.out.splitlines())
    return {Path(path).name: hit["score"] for hit in hits for path in hit["paths"]}
