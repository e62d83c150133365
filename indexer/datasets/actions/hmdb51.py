"""HMDB51: three ways to part the clips, each in a file for every action.

``brush_hair_test_split1.txt`` has lines "CLIP.avi 1", where 1 is training, 2 is test, and 0 is
neither. The files lie in the folder itself or in ``testTrainMulti_7030_splits``, as the archive
unpacks. A clip's name is VIDEO_ACTION_..., and clips of one video lie all in training or all in
the test.
"""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.annotations import read_lines
from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledClip
from indexer.datasets.published import Release

SPLITS = ("train", "test")

_UNPACKED = "testTrainMulti_7030_splits"
_PARTS = {"0": None, "1": "train", "2": "test"}


def read(release: Release, split: str, *, way: int) -> AnnotatedClips:
    """The clips of all actions, action by action."""
    ending = f"_test_split{way}.txt"
    files = _files(release.folder, ending)
    labels = tuple(file.name.removesuffix(ending) for file in files)
    clips = []
    for position, file in enumerate(files):
        for line, text in read_lines(file):
            name, _, part = text.rpartition(" ")
            if part not in _PARTS or not name:
                raise DatasetError.at(file, line, f"{text!r} is not a clip and 0, 1 or 2")
            if _PARTS[part] == split:
                clips.append(_clip(release, name.strip(), labels[position], position, split))
    return AnnotatedClips(labels, clips)


def _files(folder: Path, ending: str) -> list[Path]:
    for place in (folder, folder / _UNPACKED):
        files = sorted(place.glob(f"*{ending}"))
        if files:
            return files
    raise DatasetError(f"there is no ACTION{ending} in {str(folder)!r}")


def _clip(release: Release, name: str, label: str, position: int, split: str) -> LabelledClip:
    stem = Path(name).stem
    footage, _, _ = stem.partition(f"_{label}_")
    return LabelledClip(stem, release.videos.find(name), (position,), split=split, group=footage)
