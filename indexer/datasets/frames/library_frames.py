"""Frames of a library's videos as pictures, decoded once, each as the library's model saw it.

They are decoded as indexing does it, so that each stands beside what was stored of it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.store import Appender, FrameStore, Stamp
from indexer.keyframes import KEYFRAME_SIDE
from indexer.library_settings import sampling_of
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment
from indexer.reading.worker import DecodeWorker
from models.clip.preprocess import Preprocessing
from models.errors import KinodexError
from search.stored_frames import StoredSegment, StoredVideo

_OTHER_FRAMES = "its frames are others than those that were indexed"
_NO_FILE = "no file is there now"

SegmentsOf = Callable[[StoredVideo], Sequence[StoredSegment]]


@dataclass(frozen=True)
class LibraryFrames:
    """The frames of some segments: pictures on the disk, embeddings in memory.

    pictures: of each segment, uint8 (unique frames, 3, height, width), read from the disk when used
    segments: the same number of segments, in the same order
    videos: the content's hash of each segment's video
    """

    pictures: tuple[np.ndarray, ...]
    segments: tuple[StoredSegment, ...]
    videos: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many frames."""
        return sum(len(one) for one in self.pictures)


class LibraryFrameCache:
    """Pictures of a model's size, in a folder of its own below `root`.

    preprocessing: that of the model which is to see them
    short_side: what the model needs that they were indexed with
    """

    def __init__(
        self, root: Path, preprocessing: Preprocessing, settings: IndexSettings, *, short_side: int
    ) -> None:
        identity = preprocessing.identity()
        about: dict[str, Any] = {
            "kind": "frames of libraries",
            # Pictures are kept before their colours are scaled.
            **{name: identity[name] for name in identity if name not in ("mean", "std")},
            "short_side": short_side,
            "sampling": sampling_of(settings),
        }
        written = json.dumps(about, sort_keys=True, default=list)
        key = hashlib.blake2b(written.encode(), digest_size=8).hexdigest()
        self._about, self._preprocessing, self._settings = about, preprocessing, settings
        self._short_side = max(short_side, KEYFRAME_SIDE)
        shape = (3, *preprocessing.size)
        self._store = FrameStore(root / key, row_shape=shape, dtype=np.dtype(np.uint8))
        self.picture_bytes = int(np.prod(shape))

    @property
    def folder(self) -> Path:
        """Where it lies; to be deleted at will."""
        return self._store.folder

    def frames_of(
        self,
        videos: Sequence[StoredVideo],
        segments_of: SegmentsOf,
        *,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> tuple[LibraryFrames, dict[Path, str]]:
        """The frames of these videos, decoded where they are not there yet; why some give none.

        What is done is kept, however the program ends; `stopped` is asked after each video.

        Raises KinodexError when the disk is full, or another process is filling the same cache.
        """
        failed: dict[Path, str] = {}
        known = {video.id: segments_of(video) for video in videos}
        new = [one for one in videos if not self._is_known(one, known[one.id])]
        if new:
            self._fill(new, known, failed, on_progress, stopped)
        found = list(self._found(videos, known))
        pictures, segments, hashes = zip(*found, strict=True) if found else ((), (), ())
        return LibraryFrames(pictures, segments, hashes), failed

    def _fill(
        self,
        videos: Sequence[StoredVideo],
        known: dict[int, Sequence[StoredSegment]],
        failed: dict[Path, str],
        on_progress: Callable[[int, int], None],
        stopped: Callable[[], bool],
    ) -> None:
        try:
            with self._store.filling() as appender, DecodeWorker() as worker:
                text = json.dumps(self._about, indent=2, default=list)
                (self.folder / "about.json").write_text(text + "\n", encoding="utf-8")
                for done, video in enumerate(videos, start=1):
                    reason = self._add(video, known[video.id], worker, appender)
                    if reason:
                        failed[video.paths[0]] = reason
                    appender.commit()
                    on_progress(done, len(videos))
                    if stopped():
                        return
        except OSError as error:
            raise KinodexError(
                f"the frame cache {str(self.folder)!r} cannot be written ({error.strerror}): make "
                "room, or name another folder with --cache"
            ) from error

    def _add(
        self,
        video: StoredVideo,
        segments: Sequence[StoredSegment],
        worker: DecodeWorker,
        appender: Appender,
    ) -> str | None:
        """Decode a video and append its frames; → why it gives none, if so."""
        path = video.paths[0]
        stamp = Stamp.of(path)
        if stamp is None:
            return _NO_FILE
        by_position = {segment.position: segment for segment in segments}
        rows: list[tuple[StoredSegment, np.ndarray]] = []
        try:
            for event in worker.decode(path, short_side=self._short_side, settings=self._settings):
                if isinstance(event, DecodedSegment):
                    stored = by_position.get(event.index)
                    if stored is None or not _same_frames(stored, event):
                        return _OTHER_FRAMES
                    fitted = self._preprocessing.fit(event.frames)
                    rows.append((stored, fitted.transpose(0, 3, 1, 2)))
        except DecodeFailed as error:
            return error.reason
        for stored, pictures in rows:
            appender.add(_window(path, stored), stamp, pictures)
        return None

    def _is_known(self, video: StoredVideo, segments: Sequence[StoredSegment]) -> bool:
        stamp = Stamp.of(video.paths[0])
        entries = self._store.entries
        windows = (_window(video.paths[0], segment) for segment in segments)
        return stamp is not None and all(
            window in entries and entries[window].stamp == stamp for window in windows
        )

    def _found(
        self, videos: Sequence[StoredVideo], known: dict[int, Sequence[StoredSegment]]
    ) -> Iterator[tuple[np.ndarray, StoredSegment, str]]:
        for video in videos:
            if self._is_known(video, known[video.id]):
                for segment in known[video.id]:
                    pictures = self._store[_window(video.paths[0], segment)]
                    if len(pictures) == len(segment.embeddings):
                        yield pictures, segment, video.content_hash


def _window(path: Path, segment: StoredSegment) -> ClipWindow:
    return ClipWindow(path, segment.start_s, segment.end_s)


def _same_frames(stored: StoredSegment, decoded: DecodedSegment) -> bool:
    return np.array_equal(stored.times_s, decoded.frame_times_s) and np.array_equal(
        stored.unique_index, decoded.unique_index
    )
