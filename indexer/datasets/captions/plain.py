"""Your own list of clips: a CSV file with a header, or a JSONL file with an object on each line.

The fields are path and caption, and if you like start and end (seconds), split, and video_id. Other
fields are ignored. Relative paths begin at the folder of the videos, or else at that of the list.
Captions with the same path, start and end describe the same video.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from indexer.datasets.clips import CaptionedClip, ClipWindow, DatasetError
from indexer.datasets.lists import read_records, split_of, text_field, video_id_of, window_of
from indexer.datasets.published import tidy

_REQUIRED = ("path", "caption")


def read(file: Path, videos: Path | None) -> list[CaptionedClip]:
    """All clips of the list, whatever their split."""
    base = (videos or file.parent).absolute()
    records = read_records(file, _REQUIRED)
    clips = {line: _clip(record, file, line, base) for line, record in records}
    _check_ids(clips, file)
    return list(clips.values())


def _clip(record: Mapping[str, Any], file: Path, line: int, base: Path) -> CaptionedClip:
    window = window_of(record, base, file, line)
    return CaptionedClip(
        video_id=video_id_of(record, window),
        path=window.path,
        caption=tidy(text_field(record, "caption", file, line)),
        start_s=window.start_s,
        end_s=window.end_s,
        split=split_of(record),
    )


def _check_ids(clips: Mapping[int, CaptionedClip], file: Path) -> None:
    """Raise DatasetError unless each id names one clip and each clip has one id."""
    seen: dict[str, tuple[ClipWindow, int]] = {}
    ids: dict[ClipWindow, str] = {}
    for line, clip in clips.items():
        window, first = seen.setdefault(clip.video_id, (clip.window, line))
        if window != clip.window:
            what = f"video_id {clip.video_id!r} stands for another clip in line {first}"
            raise DatasetError.at(file, line, what)
        if ids.setdefault(clip.window, clip.video_id) != clip.video_id:
            what = f"the same clip is called {ids[clip.window]!r} elsewhere"
            raise DatasetError.at(file, line, what)
