"""Decoding beside the model: worker threads, each with a child process, feed one bounded queue."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from indexer.reading.contents import hash_content
from indexer.reading.errors import DecodeFailed, GivenUp
from indexer.reading.probe import VideoInfo
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment, DecodeSummary
from indexer.reading.worker import DecodeWorker
from indexer.registration import PathToIndex

# Segments waiting for the model. At 24 frames of 398×224 each that is 50 MB at most.
_QUEUE_LENGTH = 8
_POLL_S = 0.2
_HELD_BACK = -1  # no video has this id


@dataclass(frozen=True)
class Opened:
    """A file turned out to be a video and its frames will follow."""

    job: PathToIndex
    content_hash: str
    info: VideoInfo


@dataclass(frozen=True)
class Sampled:
    """The next segment of a video."""

    job: PathToIndex
    segment: DecodedSegment


@dataclass(frozen=True)
class Decoded:
    """A video has come to its end: no more segments follow."""

    job: PathToIndex
    summary: DecodeSummary


@dataclass(frozen=True)
class Known:
    """A file holds a video that the catalog already has."""

    job: PathToIndex
    video_id: int


@dataclass(frozen=True)
class Failed:
    """A file cannot be indexed."""

    job: PathToIndex
    content_hash: str | None  # None when not even its content could be read
    stage: str
    reason: str


Message = Opened | Sampled | Decoded | Known | Failed


class DecodeFeed:
    """Messages about a list of jobs, in each job's own order. Use as a context manager.

    Equal content is decoded once: a job whose content another one is working on is held
    back, and handed out by `release` when that one is done.
    """

    def __init__(
        self,
        jobs: Sequence[PathToIndex],
        *,
        find_known: Callable[[str], int | None],
        settings: IndexSettings,
        short_side: int,
        workers: int,
        stop: threading.Event,
    ) -> None:
        self._jobs = iter(jobs)
        self._find_known = find_known
        self._settings = settings
        self._short_side = short_side
        self._queue: queue.Queue[Message | BaseException | None] = queue.Queue(_QUEUE_LENGTH)
        self._lock = threading.Lock()
        self._claims: dict[str, list[PathToIndex]] = {}
        self._stop = stop  # set by the caller to stop the run
        self._closed = threading.Event()
        self._left = len(jobs)  # that no worker has begun with
        self._running = 0
        self._threads = [self._new_worker() for _ in range(min(workers, len(jobs)))]

    def __enter__(self) -> "DecodeFeed":
        for thread in self._threads:
            thread.start()
        return self

    @property
    def workers(self) -> int:
        """How many are at work."""
        return self._running

    def add_worker(self) -> None:
        """Let one more file be decoded at a time, if some are left. For the thread that takes."""
        if self._left > 0:
            self._threads.append(self._new_worker())
            self._threads[-1].start()

    def _new_worker(self) -> threading.Thread:
        self._running += 1
        return threading.Thread(target=self._work, daemon=True)

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def take(self, *, patience_s: float) -> Message | None:
        """The next message; None when it takes longer, none will come, or the run is to stop."""
        waited_until = time.monotonic() + patience_s
        while self._running and not self._stop.is_set():
            try:
                # A long blocking get would not notice that the run is to stop.
                message = self._queue.get(timeout=min(_POLL_S, patience_s))
            except queue.Empty:
                if time.monotonic() >= waited_until:
                    return None
                continue
            if isinstance(message, BaseException):
                raise message
            if message is not None:
                return message
            self._running -= 1
        return None

    def release(self, content_hash: str) -> list[PathToIndex]:
        """Give up the claim on a content; → the jobs that were held back because of it."""
        with self._lock:
            return self._claims.pop(content_hash, [])

    def _work(self) -> None:
        try:
            with DecodeWorker(given_up=self._is_given_up) as worker:
                while not self._closed.is_set() and (job := self._next_job()) is not None:
                    for message in self._messages(worker, job):
                        if not self._put(message):
                            break
        except BaseException as error:  # a defect here must end the run, not hang it
            self._put(error)
        self._put(None)

    def _is_given_up(self) -> bool:
        return self._closed.is_set() or self._stop.is_set()

    def _next_job(self) -> PathToIndex | None:
        with self._lock:
            self._left -= 1
            return next(self._jobs, None)

    def _put(self, message: Message | BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(message, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def _messages(self, worker: DecodeWorker, job: PathToIndex) -> Iterator[Message]:
        content_hash = None
        try:
            _check_size(job, self._settings)
            content_hash = hash_content(job.path, given_up=self._is_given_up)
            known = self._claim(content_hash, job)
            if known is None:
                yield from self._decode(worker, job, content_hash)
            elif known != _HELD_BACK:
                yield Known(job, known)
        except GivenUp:
            return  # nobody waits for a word on it: the file is taken up by the next run
        except DecodeFailed as failure:
            yield Failed(job, content_hash, failure.stage, failure.reason)

    def _claim(self, content_hash: str, job: PathToIndex) -> int | None:
        with self._lock:
            if content_hash in self._claims:
                self._claims[content_hash].append(job)
                return _HELD_BACK
            # Asked under the lock: a claim is released only after its video is committed.
            known = self._find_known(content_hash)
            if known is None:
                self._claims[content_hash] = []
            return known

    def _decode(
        self, worker: DecodeWorker, job: PathToIndex, content_hash: str
    ) -> Iterator[Message]:
        for event in worker.decode(job.path, short_side=self._short_side, settings=self._settings):
            if isinstance(event, VideoInfo):
                yield Opened(job, content_hash, event)
            elif isinstance(event, DecodedSegment):
                yield Sampled(job, event)
            else:
                _check_unchanged(job)
                yield Decoded(job, event)


def _check_size(job: PathToIndex, settings: IndexSettings) -> None:
    if job.size_bytes > settings.max_gb * 1e9:
        raise DecodeFailed(
            "size", f"it is larger than {settings.max_gb:g} GB, the most that max_gb allows"
        )


def _check_unchanged(job: PathToIndex) -> None:
    try:
        status = job.path.stat()
    except OSError as error:
        raise DecodeFailed("read", "it was removed while it was being read") from error
    if (status.st_size, status.st_mtime_ns) != (job.size_bytes, job.mtime_ns):
        raise DecodeFailed("read", "it was still being written: index it again when it is whole")
