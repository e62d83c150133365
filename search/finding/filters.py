"""Which segments a query may find at all: filters on videos come before the cut."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.files import typed_path
from search.catalog.places import in_place, lies_there
from search.catalog.tables import Video, VideoPath
from search.finding.hits import Hit
from search.queries.query import Filters
from search.tags.reading import TagFilter, Tagged, find_tagged
from search.wording import composed

if TYPE_CHECKING:
    from search.vectors.segment_index import SegmentIndex


@dataclass(frozen=True)
class VideoFacts:
    """What filters look at, of the places of all present videos: all arrays (places,).

    recorded_s: since 1970, by the clock of the place of recording; a file that does not say counts
        by its date here
    paths, folders: with composed names, as two spellings of one name are compared
    folders: by folder, which places lie in it (not in folders below)
    """

    videos: np.ndarray
    lengths_s: np.ndarray
    recorded_s: np.ndarray
    paths: list[Path]
    folders: dict[Path, np.ndarray]

    @classmethod
    def read(cls, session: Session) -> "VideoFacts":
        """The facts of this moment."""
        rows = session.execute(
            select(
                Video.id, Video.duration_s, Video.recorded_at, VideoPath.mtime_ns, VideoPath.path
            )
            .join(VideoPath, VideoPath.video_id == Video.id)
            .where(in_place())
        ).all()
        within: dict[Path, list[int]] = defaultdict(list)
        paths = [Path(composed(row.path)) for row in rows]
        for place, path in enumerate(paths):
            within[path.parent].append(place)
        return cls(
            np.array([row.id for row in rows], np.int64),
            np.array([row.duration_s for row in rows], np.float64),
            np.array([_recorded_s(row.recorded_at, row.mtime_ns) for row in rows], np.float64),
            paths,
            {folder: np.array(places) for folder, places in within.items()},
        )

    def passing(self, filters: Filters) -> np.ndarray:
        """The ids of the videos that pass, (n,), in order; tags are not looked at."""
        passes = np.ones(len(self.videos), bool)
        if filters.folders:
            passes = self._in_folders(filters.folders)
        if filters.min_length_s is not None:
            passes &= self.lengths_s >= filters.min_length_s
        if filters.max_length_s is not None:
            passes &= self.lengths_s <= filters.max_length_s
        if filters.after is not None:
            passes &= self.recorded_s >= _begins_s(filters.after)
        if filters.before is not None:
            passes &= self.recorded_s < _begins_s(filters.before)
        return np.unique(self.videos[passes])

    def _in_folders(self, asked: Sequence[str]) -> np.ndarray:
        wanted = AskedFolders.of(asked)
        passes = np.zeros(len(self.videos), bool)
        for folder, within in self.folders.items():
            if wanted.hold(folder):
                passes[within] = True
        for file in set(wanted.places) - self.folders.keys():  # a file may be named like a folder
            passes[[place for place, path in enumerate(self.paths) if path == file]] = True
        return passes


@dataclass(frozen=True)
class AskedFolders:
    """The folders of a filter, all with composed names.

    places: where folders (or files) lie
    named: names of folders that a path leads through, one after the other
    """

    places: tuple[Path, ...]
    named: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, asked: Sequence[str]) -> "AskedFolders":
        """The folders that a person has typed."""
        texts = [composed(one) for one in asked]
        return cls(
            tuple(Path(composed(_place(one))) for one in texts if _is_place(one)),
            tuple(Path(one).parts for one in texts if not _is_place(one)),
        )

    def hold(self, folder: Path) -> bool:
        """Whether a folder with a composed name is one of them, or lies in one."""
        below = any(folder.is_relative_to(place) for place in self.places)
        return below or _leads_through(folder, self.named)

    def hold_file(self, path: Path) -> bool:
        """Whether a file is named, or lies in one of the folders, however its name is spelled."""
        file = Path(composed(path))
        return file in self.places or self.hold(file.parent)


def asked_first(hits: list[Hit], filters: Filters) -> list[Hit]:
    """The hits, the places of each in the folders that were asked for before its other ones.

    A place that exists comes before one that does not, wherever they are.
    """
    if not filters.folders:
        return hits
    wanted = AskedFolders.of(filters.folders)

    def order(path: Path) -> tuple[bool, bool]:
        return not lies_there(path), not wanted.hold_file(path)

    return [
        replace(hit, paths=tuple(sorted(hit.paths, key=order))) if len(hit.paths) > 1 else hit
        for hit in hits
    ]


def _recorded_s(recorded_at: datetime | None, mtime_ns: int) -> float:
    """What the clock showed then; for a file's own date, what a clock shows here."""
    if recorded_at is not None:
        return _on_the_clock_s(recorded_at)
    try:
        return _on_the_clock_s(datetime.fromtimestamp(mtime_ns / 1e9))
    except (ValueError, OverflowError, OSError):  # some systems know no times before 1970
        return mtime_ns / 1e9


def _begins_s(day: date) -> float:
    return _on_the_clock_s(datetime(day.year, day.month, day.day))


def _on_the_clock_s(shown: datetime) -> float:
    """What a clock shows, as seconds from 1970, so that it can be compared."""
    return shown.replace(tzinfo=UTC).timestamp()


def _is_place(folder: str) -> bool:
    """Whether this is where a folder lies, and not only names of folders."""
    return folder.startswith(("/", "./", "../", "~")) or Path(folder).is_absolute()


def _place(folder: str) -> Path:
    return Path(os.path.abspath(typed_path(folder)))  # noqa: PTH100 (links stay)


def _leads_through(folder: Path, named: Sequence[tuple[str, ...]]) -> bool:
    """Whether a path leads through folders of these names, one after the other."""
    parts = folder.parts
    return any(
        parts[start : start + len(names)] == names
        for names in named
        for start in range(len(parts) - len(names) + 1)
    )


@dataclass(frozen=True)
class Scope:
    """Segments that pass the filters.

    ids: (n,), in order; None for all that are present
    tagged: those that hold the tags asked for, if any are
    """

    ids: np.ndarray | None = None
    tagged: Tagged | None = None

    def without(self, index: "SegmentIndex", segments: list[int]) -> "Scope":
        """All but these."""
        if not segments:
            return self
        known = index.visible() if self.ids is None else self.ids
        return Scope(np.setdiff1d(known, np.array(segments, np.int64)), self.tagged)


class ScopeFinder:
    """Finds scopes. What is known of videos is read again when the library has changed."""

    def __init__(self, index: "SegmentIndex") -> None:
        self._index = index
        self._known: tuple[int, VideoFacts] | None = None

    def find(self, session: Session, filters: Filters) -> Scope:
        """The segments that pass. Raises UnknownLabel, and KinodexError when nothing is tagged."""
        tagged = None
        if filters.tags:
            tagged = find_tagged(session, TagFilter(filters.tags, filters.min_probability))
        ids = None if tagged is None else np.sort(tagged.ids)
        if filters.on_videos:
            videos = self._facts(session).passing(filters)
            passing = self._index.columns.of_videos(videos)
            ids = passing if ids is None else np.intersect1d(ids, passing, assume_unique=True)
        return Scope(ids, tagged)

    def _facts(self, session: Session) -> VideoFacts:
        known = self._known  # several threads may ask
        if known is None or known[0] != self._index.revision:
            known = self._known = (self._index.revision, VideoFacts.read(session))
        return known[1]
