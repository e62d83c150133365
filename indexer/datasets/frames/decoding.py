"""Sampling many clips at the same time, each in a child process, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue

import numpy as np

from indexer.datasets.clips import ClipWindow
from indexer.reading.errors import DecodeFailed
from indexer.reading.sampling import FrameSampling
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker


@dataclass(frozen=True)
class DecodedClip:
    """A clip's frames, shape (count, height, width, 3), uint8, RGB; or why there are none."""

    window: ClipWindow
    frames: np.ndarray | DecodeFailed


def decode_clips(
    windows: Iterable[ClipWindow],
    *,
    sampling: FrameSampling,
    short_side: int,
    settings: IndexSettings,
    processes: int,
) -> Iterator[DecodedClip]:
    """The clips' frames, in the order asked for. A file that fails stops nothing.

    Only two clips for each process are held ahead of the caller.
    """
    workers: SimpleQueue[DecodeWorker] = SimpleQueue()

    def decode(window: ClipWindow) -> DecodedClip:
        worker = workers.get()
        try:
            clip = worker.clip_frames(
                window.path,
                start_s=window.start_s,
                end_s=window.end_s,
                sampling=sampling,
                short_side=short_side,
                settings=settings,
            )
            return DecodedClip(window, clip.frames)
        except DecodeFailed as failed:
            return DecodedClip(window, failed)
        finally:
            workers.put(worker)

    with ExitStack() as children, ThreadPoolExecutor(processes) as threads:
        for _ in range(processes):
            workers.put(children.enter_context(DecodeWorker()))
        rest = iter(windows)
        ahead: deque[Future[DecodedClip]] = deque()
        try:
            while True:
                for window in islice(rest, 2 * processes - len(ahead)):
                    ahead.append(threads.submit(decode, window))
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)
