"""DiDeMo, as paragraphs: all descriptions of a video joined, against its first 30 seconds.

``train_data.json``, ``val_data.json`` and ``test_data.json`` are lists of objects with a "video" (a
file name) and a "description" of a moment in it. The moments lie in the first 30 seconds.
"""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.annotations import JsonFile
from indexer.datasets.clips import CaptionedClip, in_paragraphs
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

_DESCRIBED_S = 30.0


def read(release: Release, split: str) -> list[CaptionedClip]:
    """One clip for each video, in order of first appearance."""
    annotations = JsonFile(release.file(f"{split}_data.json"))
    annotations.check(list, "of descriptions")
    clips = []
    for number, moment in enumerate(annotations.value):
        name = annotations.field(moment, "video", str, number)
        description = annotations.field(moment, "description", str, number)
        stem = Path(name).stem
        clips.append(release.clip(name, description, split, end_s=_DESCRIBED_S, stem=stem))
    return in_paragraphs(clips)
