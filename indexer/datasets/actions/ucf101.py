"""UCF101: three ways to part the clips, by the 25 groups of footage of each action.

``classInd.txt`` has lines "1 ApplyEyeMakeup", counted from 1. ``trainlist01.txt`` has lines
"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1"; in ``testlist01.txt`` the number is missing, since
the folder says it all. 01, 02 and 03 are the three ways; published figures are the mean of them.
"""

from __future__ import annotations

import re
from pathlib import Path

from indexer.datasets.annotations import read_lines
from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledClip, label_positions
from indexer.datasets.published import Release

SPLITS = ("train", "test")

_LABELS = "classInd.txt"
_CLIP_NUMBER = re.compile(r"_c\d+$")


def read(release: Release, split: str, *, way: int) -> AnnotatedClips:
    """One clip for each line."""
    labels = _label_list(release.file(_LABELS))
    positions = label_positions(labels)
    file = release.file(f"{split}list{way:02d}.txt")
    clips = []
    for line, text in read_lines(file):
        name, _, number = text.partition(" ")
        label, stem = Path(name).parent.name, Path(name).stem
        if label not in positions:
            raise DatasetError.at(file, line, f"{label!r} is no label of {_LABELS}")
        if number and number.strip() != str(positions[label] + 1):
            what = f"{label!r} is number {positions[label] + 1} in {_LABELS}, not {number}"
            raise DatasetError.at(file, line, what)
        path = release.videos.find(Path(name).name)
        group = _CLIP_NUMBER.sub("", stem)
        clips.append(LabelledClip(stem, path, (positions[label],), split=split, group=group))
    return AnnotatedClips(labels, clips)


def _label_list(file: Path) -> tuple[str, ...]:
    labels: list[str] = []
    for line, text in read_lines(file):
        number, _, label = text.partition(" ")
        if not label or number != str(len(labels) + 1):
            what = f"{text!r} where '{len(labels) + 1} NAME' should stand"
            raise DatasetError.at(file, line, what)
        labels.append(label.strip())
    return tuple(labels)
