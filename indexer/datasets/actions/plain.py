"""Your own list of clips with labels: a CSV file with a header, or a JSONL file.

The fields are path and label, and if you like start and end (seconds), split, video_id, and group
(what clips of the same footage have in common). Several labels are parted by ";", or are a list in
JSON; several lines about the same clip add up. No label says that none of the others holds. Other
fields are ignored. Relative paths begin at the folder of the videos, or else at that of the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledClip, label_positions
from indexer.datasets.lists import read_records, split_of, video_id_of, window_of
from indexer.datasets.published import tidy

_REQUIRED = ("path", "label")


def read(file: Path, videos: Path | None) -> AnnotatedClips:
    """All clips of the list, whatever their split; the labels in the order of the alphabet."""
    base = (videos or file.parent).absolute()
    records = list(read_records(file, _REQUIRED))
    named = [_labels(record, file, line) for line, record in records]
    positions = label_positions(sorted(set().union(*named)))
    clips: dict[object, LabelledClip] = {}
    for (line, record), labels in zip(records, named, strict=True):
        window = window_of(record, base, file, line)
        key = (window, split_of(record))
        before = clips[key].labels if key in clips else ()
        held = {positions[label] for label in labels} | set(before)
        clips[key] = LabelledClip(
            video_id=video_id_of(record, window),
            path=window.path,
            labels=tuple(sorted(held)),
            start_s=window.start_s,
            end_s=window.end_s,
            split=split_of(record),
            # As it is written there: what is held out must not depend on where the list lies.
            group=str(record.get("group") or PurePath(record["path"])),
        )
    return AnnotatedClips(tuple(positions), list(clips.values()))


def _labels(record: Mapping[str, Any], file: Path, line: int) -> list[str]:
    value = record.get("label")
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise DatasetError.at(file, line, "the label is missing (it may be empty text)")
    return list(filter(None, map(tidy, parts)))
