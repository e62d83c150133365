"""DiDeMo, as paragraphs: all descriptions of a video joined, against its first half minute.

``train_data.json``, ``val_data.json`` and ``test_data.json`` are lists of objects with a "video" (a
file name) and a "description" of a moment in it. The moments lie in the first 30 seconds.
``train_list.txt`` and so on, where they lie beside them, name the videos that count, one a line;
what they leave out is left out, and what is not described counts for nothing.

Names have extensions of all kinds, or none, and are those of the files: "X.mov" and "X.mp4" are two
videos.
"""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.annotations import JsonFile, read_lines
from indexer.datasets.clips import CaptionedClip, DatasetError, in_paragraphs
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

# CLIP4Clip reads the seconds 0 to 31, the last one too: at one frame a second these are 32.
_SHOWN_S = 32.0


def read(release: Release, split: str) -> list[CaptionedClip]:
    """One clip for each video, in order of first appearance."""
    annotations = JsonFile(release.file(f"{split}_data.json"))
    annotations.check(list, "of descriptions")
    names = [
        annotations.field(moment, "video", str, number)
        for number, moment in enumerate(annotations.value)
    ]
    counted = _counted(release.folder / f"{split}_list.txt", set(names))
    clips = []
    for number, (name, moment) in enumerate(zip(names, annotations.value, strict=True)):
        description = annotations.field(moment, "description", str, number)
        if name in counted:
            clip = release.clip(name, description, split, end_s=_SHOWN_S, beside=counted)
            clips.append(clip)
    return in_paragraphs(clips)


def _counted(file: Path, described: set[str]) -> set[str]:
    """The videos of a list; all that are described where there is none."""
    if not file.is_file():
        return described
    listed = {name for _, name in read_lines(file)}
    if listed.isdisjoint(described):
        what = "not one of its videos is described: its names should be those of the descriptions"
        raise DatasetError.at(file, None, what)
    return listed
