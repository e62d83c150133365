"""LSMDC 2016 (movie descriptions): tab-separated files without a header, six fields a line.

Clip id, start and end as aligned, start and end as cut, sentence. ``LSMDC16_annos_training.csv``
and ``LSMDC16_annos_val.csv`` may name a clip several times; the test is the 1,000 clips of
``LSMDC16_challenge_1000_publictect.csv``. The clips lie cut, as MOVIE/CLIP_ID.avi.
"""

from __future__ import annotations

from indexer.datasets.annotations import read_lines
from indexer.datasets.clips import CaptionedClip, DatasetError
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

_FILES = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}


def read(release: Release, split: str) -> list[CaptionedClip]:
    """One clip for each line."""
    file = release.file(_FILES[split])
    clips = []
    for line, text in read_lines(file):
        fields = text.split("\t")
        if len(fields) != 6 or not fields[5].strip():
            what = f"{len(fields)} fields where six, separated by tabs, are expected"
            raise DatasetError.at(file, line, what)
        clips.append(release.clip(fields[0], fields[5], split))
    return clips
