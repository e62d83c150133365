"""What runs in the child process of `indexer.reading.worker`: take a job, send what comes of it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings

if TYPE_CHECKING:
    from indexer.reading.sampling import FrameSampling

_GIB = 1024**3
_ALIVE_EVERY_S = 1.0
_M_ARENA_MAX = -8  # of glibc's mallopt; others know no such number


@dataclass(frozen=True)
class DecodeJob:
    path: Path
    short_side: int
    settings: IndexSettings


@dataclass(frozen=True)
class ThumbnailJob:
    path: Path
    time_s: float
    short_side: int
    settings: IndexSettings
    length_s: float | None


@dataclass(frozen=True)
class ClipJob:
    path: Path
    start_s: float | None
    end_s: float | None
    sampling: FrameSampling
    short_side: int
    settings: IndexSettings
    length_s: float | None


ReadingJob = DecodeJob | ThumbnailJob | ClipJob


@dataclass(frozen=True)
class Alive:
    """Nothing to show yet, but the decoder is getting on."""


@dataclass(frozen=True)
class Finished:
    """The job is done."""


@dataclass(frozen=True)
class Failure:
    """The job ended with `DecodeFailed`."""

    stage: str
    reason: str


def serve(connection: Connection) -> None:
    """Do the jobs that come through ``connection`` until it closes or the parent is gone."""
    _ignore_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The model runs in the parent on the same cores; set before numpy is first imported.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    _use_one_heap()
    parent = _Parent(connection)
    with contextlib.suppress(_ParentGoneError):
        while True:
            job = parent.receive()
            _load(job.settings)
            limit_memory(job.settings)
            parent.send(_outcome(parent, job))


class _ParentGoneError(Exception):
    """Nobody is there any more to work for."""


class _Parent:
    """The other end of the pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heard_s = time.monotonic()

    def receive(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise _ParentGoneError from error

    def send(self, event: Any) -> None:
        try:
            self._connection.send(event)
        except OSError as error:
            raise _ParentGoneError from error
        self._heard_s = time.monotonic()

    def send_sign_of_life(self) -> None:
        """Called for each frame; tells the parent now and then that frames are still coming."""
        if time.monotonic() - self._heard_s >= _ALIVE_EVERY_S:
            self.send(Alive())


def _outcome(parent: _Parent, job: ReadingJob) -> Finished | Failure:
    try:
        for event in _events(parent, job):
            parent.send(event)
    except _ParentGoneError:
        raise
    except DecodeFailed as failed:
        return Failure(failed.stage, failed.reason)
    except MemoryError:
        return Failure("memory", "decoding it needs more memory than decoder_memory_gb allows")
    except Exception as error:
        # A fault of this program, not of the file: it must be seen, and must not stop the run.
        traceback.print_exc()
        return Failure("crash", f"the decoder failed on it ({type(error).__name__}: {error})")
    return Finished()


def _events(parent: _Parent, job: ReadingJob) -> Iterator[Any]:
    from indexer.reading.video import decode_video, thumbnail

    how: dict[str, Any] = {"short_side": job.short_side, "settings": job.settings}
    if isinstance(job, ThumbnailJob):
        yield thumbnail(job.path, job.time_s, length_s=job.length_s, **how)
    elif isinstance(job, ClipJob):
        from indexer.reading.clip import sample_clip

        window: dict[str, Any] = {"start_s": job.start_s, "end_s": job.end_s}
        how.update(window, sampling=job.sampling, length_s=job.length_s)
        how["on_frame"] = parent.send_sign_of_life
        yield sample_clip(job.path, **how)
    else:
        yield from decode_video(job.path, on_frame=parent.send_sign_of_life, **how)


def _ignore_interrupts() -> None:
    """Ctrl-C is the parent's business; it was held back until here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _use_one_heap() -> None:
    """Keep glibc from setting 64 MiB of addresses aside for each thread: the limit counts them."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _load(settings: IndexSettings) -> None:
    """Import what any job needs before memory is limited: what fails amid an import stays broken.

    It counts as memory that decoding uses.
    """
    _size_at_start_bytes()
    import indexer.reading.clip
    import indexer.reading.video

    if settings.decoder == "decord":
        import indexer.reading.decord_reader  # noqa: F401


def limit_memory(settings: IndexSettings) -> None:
    """Let this process take no more additional memory than the settings allow a decoder."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    limit_bytes = _size_at_start_bytes() + int(settings.decoder_memory_gb * _GIB)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit but refuses to set it.
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, hard))


@functools.cache
def _size_at_start_bytes() -> int:
    """The address space before the first job: the caller's main script may import much."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:  # only Linux tells, and only Linux keeps the limit
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
