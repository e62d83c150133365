"""Your own list of clips: a CSV file with a header, or a JSONL file with an object on each line.

The fields are path and caption, and if you like start and end (seconds), split, and video_id. Other
fields are ignored. Relative paths begin at the folder of the videos, or else at that of the list.
Captions with the same path, start and end describe the same video.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from indexer.datasets.annotations import read_lines, read_rows
from indexer.datasets.clips import ANY_SPLIT, CaptionedClip, ClipWindow, DatasetError
from indexer.datasets.published import tidy

SUFFIXES = (".csv", ".jsonl")

_REQUIRED = ("path", "caption")


def read(file: Path, videos: Path | None) -> list[CaptionedClip]:
    """All clips of the list, whatever their split."""
    base = (videos or file.parent).absolute()
    clips = {line: _clip(record, file, line, base) for line, record in _records(file)}
    _check_ids(clips, file)
    return list(clips.values())


def _records(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if file.suffix.lower() == ".csv":
        yield from read_rows(file, _REQUIRED)
        return
    for line, text in read_lines(file):
        try:
            record = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DatasetError.at(file, line, "it is not valid JSON") from error
        if not isinstance(record, dict):
            raise DatasetError.at(file, line, "here should be an object with path and caption")
        yield line, record


def _clip(record: Mapping[str, Any], file: Path, line: int, base: Path) -> CaptionedClip:
    for name in _REQUIRED:
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise DatasetError.at(file, line, f"the {name} is missing")
    start_s, end_s = (_seconds(record, name, file, line) for name in ("start", "end"))
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise DatasetError.at(file, line, f"the clip ends at {end_s:g} s, not after its start")
    window = ClipWindow(base / record["path"], start_s, end_s)
    return CaptionedClip(
        video_id=str(record.get("video_id") or _own_id(record["path"], window)),
        path=window.path,
        caption=tidy(record["caption"]),
        start_s=start_s,
        end_s=end_s,
        split=str(record.get("split") or ANY_SPLIT).strip(),
    )


def _seconds(record: Mapping[str, Any], name: str, file: Path, line: int) -> float | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise DatasetError.at(file, line, f"{name} is {value!r}, not a time in seconds")
    return seconds


def _own_id(path: str, window: ClipWindow) -> str:
    if window.start_s is None and window.end_s is None:
        return path
    ends = ("" if end is None else f"{end:g}" for end in (window.start_s, window.end_s))
    return f"{path}@{'-'.join(ends)}"


def _check_ids(clips: Mapping[int, CaptionedClip], file: Path) -> None:
    """One id for one clip of a video, or nobody could tell what is the right answer."""
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
