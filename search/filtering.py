"""Which videos pass what is asked of them as a whole: folder, day and length."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from search.catalog import Video, VideoPath
from search.query import Filters
from search.recording import under

_SECOND_NS = 1_000_000_000


def passing_videos(session: Session, filters: Filters) -> np.ndarray:
    """The ids of present videos that pass, (n,), in order; tags are not looked at."""
    rows = session.execute(
        select(Video.id, VideoPath.path)
        .join(VideoPath, VideoPath.video_id == Video.id)
        .where(VideoPath.missing_since.is_(None), *_conditions(filters))
        .order_by(Video.id)
    )
    named = [tuple(Path(one).parts) for one in filters.folders if not _is_place(one)]
    places = [one for one in filters.folders if _is_place(one)]
    found = {
        video
        for video, path in rows
        if not filters.folders or _lies_in(path, named) or any(_below(path, one) for one in places)
    }
    return np.array(sorted(found), dtype=np.int64)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.folders and all(_is_place(folder) for folder in filters.folders):
        conditions.append(or_(*[under(_place(folder)) for folder in filters.folders]))
    if filters.min_length_s is not None:
        conditions.append(Video.duration_s >= filters.min_length_s)
    if filters.max_length_s is not None:
        conditions.append(Video.duration_s <= filters.max_length_s)
    # Of a file that does not say when it was recorded the time of its last change is what is known.
    recorded = Video.recorded_at
    for day, is_after in ((filters.after, True), (filters.before, False)):
        if day is not None:
            begins = _begins(day)
            changed = int(begins.replace(tzinfo=UTC).timestamp()) * _SECOND_NS
            later = or_(recorded >= begins, recorded.is_(None) & (VideoPath.mtime_ns >= changed))
            earlier = or_(recorded < begins, recorded.is_(None) & (VideoPath.mtime_ns < changed))
            conditions.append(later if is_after else earlier)
    return conditions


def _begins(day: date) -> datetime:
    """When a day begins here, in UTC without a zone, as times are stored."""
    local = datetime(day.year, day.month, day.day).astimezone()
    return local.astimezone(UTC).replace(tzinfo=None)


def _is_place(folder: str) -> bool:
    """Whether this is where a folder lies, and not only names of folders."""
    return folder.startswith(("/", "./", "../", "~")) or Path(folder).is_absolute()


def _place(folder: str) -> Path:
    return Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100 (links stay)


def _below(path: Path, folder: str) -> bool:
    return path.is_relative_to(_place(folder))


def _lies_in(path: Path, named: Sequence[tuple[str, ...]]) -> bool:
    """Whether a path leads through folders of these names, one after the other."""
    folders = path.parent.parts
    return any(
        folders[start : start + len(names)] == names
        for names in named
        for start in range(len(folders) - len(names) + 1)
    )
