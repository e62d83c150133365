"""Lists of one's own: a CSV file with a header, or a JSONL file with an object on each line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from indexer.datasets.annotations import read_lines, read_rows
from indexer.datasets.clips import ANY_SPLIT, ClipWindow, DatasetError

SUFFIXES = (".csv", ".jsonl")


def read_records(file: Path, required: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The records with their line numbers; a CSV file must have the required columns.

    Raises DatasetError.
    """
    if file.suffix.lower() == ".csv":
        yield from read_rows(file, required)
        return
    for line, text in read_lines(file):
        try:
            record = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DatasetError.at(file, line, "it is not valid JSON") from error
        if not isinstance(record, dict):
            what = f"here should be an object with {' and '.join(required)}"
            raise DatasetError.at(file, line, what)
        yield line, record


def text_field(record: Mapping[str, Any], name: str, file: Path, line: int) -> str:
    """A field that must be there. Raises DatasetError."""
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DatasetError.at(file, line, f"the {name} is missing")
    return value


def window_of(record: Mapping[str, Any], base: Path, file: Path, line: int) -> ClipWindow:
    """What the fields path, start and end say; relative paths begin at ``base``.

    Raises DatasetError.
    """
    path = text_field(record, "path", file, line)
    start_s, end_s = (_seconds(record, name, file, line) for name in ("start", "end"))
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise DatasetError.at(file, line, f"the clip ends at {end_s:g} s, not after its start")
    return ClipWindow(base / path, start_s, end_s)


def video_id_of(record: Mapping[str, Any], window: ClipWindow) -> str:
    """The field video_id, or else the path with the times."""
    if record.get("video_id"):
        return str(record["video_id"])
    path = str(record["path"])
    if window.start_s is None and window.end_s is None:
        return path
    ends = ("" if end is None else f"{end:g}" for end in (window.start_s, window.end_s))
    return f"{path}@{'-'.join(ends)}"


def split_of(record: Mapping[str, Any]) -> str:
    """The field split, or else `ANY_SPLIT`."""
    return str(record.get("split") or ANY_SPLIT).strip()


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
