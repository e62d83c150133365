"""How far an indexing run is: counted once, noted for the page, told to whoever asks."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from indexer.discover import Discovery
from indexer.registration import PathToIndex, Scan
from search.catalog.lock import INDEXING
from search.catalog.progress import Progress, ProgressNotes


class NotedIndexing:
    """An `IndexingListener` that tells `tell` after each step, and the library's page meanwhile.

    frames: that were sampled so far
    """

    def __init__(self, library: Path, tell: Callable[[Progress], None]) -> None:
        self.frames = 0
        self._tell = tell
        self._notes = ProgressNotes(library, INDEXING)
        self._bytes_done: dict[int, float] = {}
        self._bytes = self._done = self._total = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._notes.clear()

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        """The work is known: begin to count."""
        self._bytes = sum(job.size_bytes for job in scan.jobs)
        self._total = len(scan.jobs)
        self._started = time.monotonic()
        self._told()

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None:
        """Count the part of the file that is decoded."""
        self.frames += frames
        self._move(job, fraction)

    def on_done(self, job: PathToIndex) -> None:
        """Count a file."""
        self._done += 1
        self._move(job, 1.0)

    def on_failed(self, job: PathToIndex, reason: str) -> None:
        """Count a file that cannot be indexed: it needs no more work either."""
        self.on_done(job)

    def _move(self, job: PathToIndex, fraction: float) -> None:
        self._bytes_done[job.path_id] = job.size_bytes * fraction
        self._told()

    def _told(self) -> None:
        fraction = sum(self._bytes_done.values()) / max(self._bytes, 1)
        self._notes.write(fraction, self._done, self._total, "files")
        seconds = time.monotonic() - self._started
        self._tell(
            Progress(INDEXING, fraction, self._done, self._total, "files", seconds, os.getpid())
        )
