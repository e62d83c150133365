"""How a task ends: its exit code, and what Ctrl-C does to it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType

from tasks.terminal.printing import talk


class Exit(IntEnum):
    """The exit codes of `kinodex`."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    SOME_FAILED = 3
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


STOPPING = "stopping: what is finished is kept"


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C asks the run to stop after its current step; a second one ends it hard."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        talk(STOPPING)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
