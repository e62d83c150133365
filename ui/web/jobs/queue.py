"""The work that a page has asked for: one piece at a time, known to all who look at the page.

Work is done by child processes of the page's server. It does not mind browsers that come and go; it
stops, and keeps what is finished, when the server ends, even when the server is killed.
"""

import contextlib
import functools
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.errors import KinodexError
from search.catalog.progress import running_works
from search.wording import printable
from tasks.terminal.outcomes import Exit
from ui.web.jobs.request import JobRequest

_MOST_WAITING = 20
_LINES_KEPT = 200
_LONGEST_LINE = 500
_LOOKS_EVERY_S = 0.5


class TooMuchWork(KinodexError):
    """So much work waits already that no more is taken."""


@dataclass(frozen=True)
class Running:
    """Work that is being done, or that waits for another program to be done with the library."""

    request: JobRequest
    started: bool
    stopping: bool
    seconds: float
    lines: tuple[str, ...]  # what it said, printable


@dataclass(frozen=True)
class EndedJob:
    """Work that has ended. `code` is the exit code: 0 for all well, 3 where some files failed."""

    number: int
    request: JobRequest
    code: int
    seconds: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class JobsNow:
    """All that a library's page knows of its work at one moment."""

    running: Running | None
    waiting: tuple[JobRequest, ...]
    last: EndedJob | None


@functools.cache
def jobs_of(library: Path) -> "Jobs":
    """The work on the library in this (resolved) folder, the same for all callers."""
    return Jobs(library)


class Jobs:
    """Does one request after another. All methods may be called from any thread."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._waiting: deque[JobRequest] = deque()
        self._current: _Child | None = None
        self._last: EndedJob | None = None
        self._ended = 0

    def ask(self, request: JobRequest) -> None:
        """Do this when all that was asked before is done; a wish that waits already is not added.

        Raises TooMuchWork.
        """
        with self._lock:
            if request in self._waiting:
                return
            if len(self._waiting) >= _MOST_WAITING:
                raise TooMuchWork("much work is waiting already: ask again when some of it is done")
            self._waiting.append(request)
            if self._current is None:
                self._begin()

    def stop(self) -> None:
        """End the running work after its current step, or at once if that was asked before.

        What waits behind it is given up. What is finished is kept in any case.
        """
        with self._lock:
            self._waiting.clear()
            if self._current is not None:
                self._current.stop()

    def now(self) -> JobsNow:
        """How things stand."""
        with self._lock:
            running = self._current.describe() if self._current else None
            return JobsNow(running, tuple(self._waiting), self._last)

    def _begin(self) -> None:
        self._current = _Child(self._waiting.popleft())
        threading.Thread(target=self._work, args=(self._current,), daemon=True).start()

    def _work(self, child: "_Child") -> None:
        while running_works(self._library) and not child.describe().stopping:
            time.sleep(_LOOKS_EVERY_S)
        code = child.run()
        with self._lock:
            done = child.describe()
            self._ended += 1
            self._last = EndedJob(self._ended, child.request, code, done.seconds, done.lines)
            self._current = None
            if self._waiting:
                self._begin()


class _Child:
    """A child process before, while and after it runs."""

    def __init__(self, request: JobRequest) -> None:
        self.request = request
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._asked_at = time.monotonic()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def describe(self) -> Running:
        return Running(
            self.request,
            self._process is not None,
            self._stopping.is_set(),
            time.monotonic() - self._asked_at,
            tuple(self._lines),
        )

    def stop(self) -> None:
        with self._starting:
            again = self._stopping.is_set()
            self._stopping.set()
            process = self._process
        if process is None:
            return
        if again:
            process.kill()
        else:
            _close(process.stdin)

    def run(self) -> int:
        with self._starting:
            if self._stopping.is_set():
                return Exit.INTERRUPTED
            self._process = process = self._start()
        for line in process.stdout or ():
            if text := printable(line.rstrip()[:_LONGEST_LINE]):
                self._lines.append(text)
        code = process.wait()
        _close(process.stdin)
        return code

    def _start(self) -> subprocess.Popen[str]:
        # -P: the folder that the program was started in must not lend it modules.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ui.web.jobs.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,  # Ctrl-C for the server reaches it by the end of its stdin
        )
        if process.stdin is not None:
            # It stays open: its end tells the child to stop, even when this process is killed.
            with contextlib.suppress(OSError):
                process.stdin.write(self.request.as_json() + "\n")
                process.stdin.flush()
        return process


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()
