"""Decoding in a child process, so that a crash, a hang or a memory bomb costs one file only."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from indexer.reading.clip import ClipFrames
from indexer.reading.errors import DecodeFailed, GivenUp
from indexer.reading.sampling import FrameSampling
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodeEvent
from indexer.reading.worker_process import (
    Alive,
    ClipJob,
    DecodeJob,
    Failure,
    Finished,
    ReadingJob,
    ThumbnailJob,
    serve,
)

# A child that is told to end has nothing to save: it is not waited for long.
_FAREWELL_S = 1.0
_ASKED_EVERY_S = 0.2
_one_start_at_a_time = threading.Lock()


class DecodeWorker:
    """One child process that decodes one file at a time; a new one is started when it dies.

    Not to be shared between threads. An iterator given by `decode` may be abandoned at any time:
    the next call simply starts anew.

    given_up: asked while the child is silent; True stops the child, and raises GivenUp
    """

    def __init__(self, *, given_up: Callable[[], bool] = lambda: False) -> None:
        self._given_up = given_up
        self._process: Any = None
        self._connection: Connection | None = None
        self._busy = False

    @property
    def pid(self) -> int | None:
        """The child's process number; None while there is no child."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def decode(
        self, path: Path, *, short_side: int, settings: IndexSettings
    ) -> Iterator[DecodeEvent]:
        """What the file is (`VideoInfo`), then its segments in order, then a `DecodeSummary`.

        Segments arrive while the file is still being decoded; the child waits when they are not
        taken.

        Raises:
            DecodeFailed: the file failed; the segments already given must not be kept.
        """
        yield from self._run(DecodeJob(path, short_side, settings), settings)

    def thumbnail(
        self,
        path: Path,
        time_s: float,
        *,
        short_side: int,
        settings: IndexSettings,
        length_s: float | None = None,
    ) -> bytes:
        """The frame on the screen at ``time_s``, as a JPEG file.

        length_s: when the video's last picture ends, if that is known (see `open_video`)

        Raises:
            DecodeFailed: the file failed.
        """
        job = ThumbnailJob(path, time_s, short_side, settings, length_s)
        [picture] = self._run(job, settings)
        assert isinstance(picture, bytes)  # noqa: S101
        return picture

    def clip_frames(
        self,
        path: Path,
        *,
        start_s: float | None,
        end_s: float | None,
        sampling: FrameSampling,
        short_side: int,
        settings: IndexSettings,
        length_s: float | None = None,
    ) -> ClipFrames:
        """What `indexer.reading.clip.sample_clip` gives.

        Raises:
            DecodeFailed: the file failed.
        """
        job = ClipJob(path, start_s, end_s, sampling, short_side, settings, length_s)
        [clip] = self._run(job, settings)
        assert isinstance(clip, ClipFrames)  # noqa: S101
        return clip

    def close(self) -> None:
        """End the child process; the worker may be used again and starts another."""
        if self._process is not None:
            assert self._connection is not None  # noqa: S101
            self._connection.close()
            self._process.kill()
            self._process.join(_FAREWELL_S)
        self._process = self._connection = None
        self._busy = False

    def _run(self, job: ReadingJob, settings: IndexSettings) -> Iterator[Any]:
        if self._busy:
            self.close()
        connection = self._connected()
        self._busy = True
        self._send(connection, job)
        while True:
            event = self._receive(connection, settings)
            if isinstance(event, Alive):
                continue
            if isinstance(event, Finished | Failure):
                self._busy = False
            if isinstance(event, Failure):
                raise DecodeFailed(event.stage, event.reason)
            if isinstance(event, Finished):
                return
            yield event

    def _connected(self) -> Connection:
        if self._process is not None and not self._process.is_alive():
            self.close()
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, childs_end = context.Pipe()
            self._process = context.Process(
                target=serve, args=(childs_end,), name="kinodex-decode", daemon=True
            )
            with _interrupts_held_back(), _script_left_out():
                self._process.start()
            childs_end.close()
        return self._connection

    def _send(self, connection: Connection, job: ReadingJob) -> None:
        try:
            connection.send(job)
        except OSError as error:
            raise self._crashed() from error

    def _receive(self, connection: Connection, settings: IndexSettings) -> Any:
        silent_until = time.monotonic() + settings.decode_timeout_s
        try:
            while (left_s := silent_until - time.monotonic()) > 0:
                if connection.poll(min(left_s, _ASKED_EVERY_S)):
                    return connection.recv()
                if self._given_up():
                    self.close()
                    raise GivenUp
        except (EOFError, OSError) as error:
            raise self._crashed() from error
        self.close()
        raise DecodeFailed(
            "timeout",
            f"the decoder gave no sign of life for {settings.decode_timeout_s:g} seconds "
            "(decode_timeout_s) and was stopped",
        )

    def _crashed(self) -> DecodeFailed:
        self._process.join(_FAREWELL_S)
        code = self._process.exitcode
        self.close()
        how = f" ({signal.strsignal(-code)})" if code is not None and code < 0 else ""
        return DecodeFailed("crash", f"the decoder crashed on it{how}")


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C must not reach a child that has not yet learnt to ignore it: it inherits the mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _script_left_out() -> Iterator[None]:
    """Keep a starting child from running once more the script that the user has started.

    `multiprocessing` has each child run the main module, in which it looks for functions. There are
    none for us: a script that indexes would only index again in each child, and one that was read
    from a pipe cannot be found at all.
    """
    with _one_start_at_a_time:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script
