"""Frames of many clips in one growing file, with an index: what was written whole is never lost.

Two files are only ever appended to. ``frames.bin`` holds the rows of all clips one after another;
``index.jsonl`` has a line for each clip, written after its rows have reached the disk. So whatever
moment the program is killed at, every line tells of complete rows, and what stands behind the
last of them, or in a torn line, is cut off and made again.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from indexer.datasets.clips import ClipWindow
from indexer.reading.pictures.folders import rate_files
from models.errors import KinodexError
from search.catalog.lock import LibraryBusy, only_indexer


@dataclass(frozen=True)
class Stamp:
    """What a file looked like when it was read; another one means other content."""

    size_bytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """The file's present stamp; None if there is no such file."""
        try:
            status = path.stat()
        except OSError:
            return None
        if not stat.S_ISDIR(status.st_mode):
            return cls(status.st_size, status.st_mtime_ns)
        # A folder of pictures is another video when it is told to be slower or quicker.
        parts = [status, *(file.stat() for file in rate_files(path) if file.is_file())]
        return cls(sum(one.st_size for one in parts), max(one.st_mtime_ns for one in parts))


@dataclass(frozen=True)
class Entry:
    """A clip that was read: its rows, or the reason why there are none.

    size: (height, width) of its frames, where rows hold frames of any
    """

    window: ClipWindow
    stamp: Stamp | None
    first_row: int = 0
    rows: int = 0
    failure: str | None = None
    size: tuple[int, int] | None = None


class FrameStore:
    """The rows of clips in a folder; every row is an array of one shape and type."""

    def __init__(self, folder: Path, *, row_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.folder = folder
        self.entries: dict[ClipWindow, Entry] = {}
        self._row_shape, self._dtype = row_shape, np.dtype(dtype)
        self._row_bytes = int(np.prod(row_shape)) * self._dtype.itemsize
        self._rows: np.ndarray = np.empty((0, *row_shape), self._dtype)
        self._index_bytes = 0
        self.reload()

    def reload(self) -> None:
        """Take in what is on the disk, perhaps written by another process."""
        self.entries, self._index_bytes = {}, 0
        whole_rows = self._whole_rows()
        for line in _whole_lines(self._index_file):
            entry = _entry_of(line)
            if entry is not None and entry.first_row + entry.rows <= whole_rows:
                self.entries[entry.window] = entry
            self._index_bytes += len(line)
        self._map(whole_rows)

    def __getitem__(self, window: ClipWindow) -> np.ndarray:
        """The rows of a clip, read from the disk; shape: (rows, *row_shape). Raises KeyError."""
        entry = self.entries[window]
        if entry.failure is not None:
            raise KeyError(window)
        return self._rows[entry.first_row : entry.first_row + entry.rows]

    @contextmanager
    def filling(self) -> Iterator[Appender]:
        """A block in which clips may be added; what was added can be read when it ends.

        Raises KinodexError when another process is adding.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            held.callback(self.reload)
            try:
                held.enter_context(only_indexer(self.folder))
            except LibraryBusy as error:
                raise KinodexError(
                    f"another Kinodex is filling the frame cache {str(self.folder)!r}: wait for it"
                ) from error
            self.reload()
            end = max((one.first_row + one.rows for one in self.entries.values()), default=0)
            frames = held.enter_context(self._frames_file.open("ab"))
            index = held.enter_context(self._index_file.open("ab"))
            frames.truncate(end * self._row_bytes)
            index.truncate(self._index_bytes)
            appender = Appender(frames, index, rows=end)
            try:
                yield appender
            finally:
                appender.commit()

    @property
    def _frames_file(self) -> Path:
        return self.folder / "frames.bin"

    @property
    def _index_file(self) -> Path:
        return self.folder / "index.jsonl"

    def _whole_rows(self) -> int:
        stamp = Stamp.of(self._frames_file)
        return stamp.size_bytes // self._row_bytes if stamp else 0

    def _map(self, rows: int) -> None:
        shape = (rows, *self._row_shape)
        if rows:  # an empty file cannot be mapped
            self._rows = np.memmap(self._frames_file, self._dtype, "r", shape=shape)
        else:
            self._rows = np.empty(shape, self._dtype)


class Appender:
    """Adds clips; they are kept for good by `commit`."""

    def __init__(self, frames: BinaryIO, index: BinaryIO, *, rows: int) -> None:
        self._frames, self._index, self._count = frames, index, rows
        self._lines: list[bytes] = []

    def add(
        self,
        window: ClipWindow,
        stamp: Stamp | None,
        rows: np.ndarray,
        *,
        size: tuple[int, int] | None = None,
    ) -> None:
        """The rows of one clip; size: see `Entry`."""
        entry = Entry(window, stamp, self._count, len(rows), size=size)
        self._frames.write(rows.tobytes())
        self._count += len(rows)
        self._lines.append(_line_of(entry))

    def add_failure(self, window: ClipWindow, stamp: Stamp | None, reason: str) -> None:
        """Remember that a clip cannot be decoded, so that it is not tried again and again."""
        self._lines.append(_line_of(Entry(window, stamp, failure=reason)))

    def commit(self) -> None:
        """Bring all that was added to the disk: first the rows, then the lines that name them."""
        if not self._lines:
            return
        _flush(self._frames)
        self._index.write(b"".join(self._lines))
        _flush(self._index)
        self._lines.clear()


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _whole_lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return


def _line_of(entry: Entry) -> bytes:
    values = {**asdict(entry), "window": {**asdict(entry.window), "path": str(entry.window.path)}}
    if entry.size is None:  # lines as they were before there were such
        del values["size"]
    # It is plain ASCII, so that names survive which are no valid text.
    return json.dumps(values).encode("ascii") + b"\n"


def _entry_of(line: bytes) -> Entry | None:
    """None for a line that a failing disk has spoiled: its clip is made again."""
    try:
        values = json.loads(line)
        window = values.pop("window")
        stamp = values.pop("stamp")
        size = values.pop("size", None)
        return Entry(
            ClipWindow(**{**window, "path": Path(window["path"])}),
            Stamp(**stamp) if stamp else None,
            size=None if size is None else (int(size[0]), int(size[1])),
            **values,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
