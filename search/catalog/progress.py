"""How far work on a library is, told to whoever looks: a small file that is renewed as it goes on.

The file stands beside the work's lock and says something only while that lock is held.
"""

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from models.files import replaced_whole
from search.catalog.lock import INDEXING, SKETCHING, is_held

_INTERVAL_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    work: what it does: "indexing", "fusing", "tagging" or "sketching"
    fraction: 0 to 1, by the work itself; a large file weighs more than a small one
    done, total, noun: what people count: 3 of 12 "files"
    seconds: since the work began
    process: the number of the process
    """

    work: str
    fraction: float
    done: int
    total: int
    noun: str
    seconds: float
    process: int

    @property
    def left_s(self) -> float | None:
        """About how long the rest takes; None while that cannot be told."""
        if self.fraction < 0.02 or self.seconds < 3:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction


class ProgressNotes:
    """Writes the progress of one run. Use it only while the run holds the work's lock."""

    def __init__(self, library: Path | None, work: str) -> None:
        self._work = work
        self._file = _file(library, _lock_of(work)) if library else None
        self._started = time.monotonic()
        self._written = -_INTERVAL_S

    def write(self, fraction: float, done: int, total: int, noun: str) -> None:
        """Note it, unless that was done a moment ago."""
        now = time.monotonic()
        if self._file is None or now - self._written < _INTERVAL_S:
            return
        self._written = now
        seconds = now - self._started
        progress = Progress(self._work, fraction, done, total, noun, seconds, os.getpid())
        with (
            contextlib.suppress(OSError),  # work goes on when nobody can be told of it
            replaced_whole(self._file, one_writer=True, as_folder=True) as draft,
        ):
            draft.write_text(json.dumps(asdict(progress)))

    def clear(self) -> None:
        """The run is over."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


def running_works(library: Path) -> list[str]:
    """The locks that are held: none, "indexing" (or fusing or tagging), "sketching", or both."""
    return [work for work in (INDEXING, SKETCHING) if is_held(library, work)]


def read_progress(library: Path, lock: str) -> Progress | None:
    """What the holder of a lock has noted; None when it has noted nothing yet."""
    try:
        values = json.loads(_file(library, lock).read_text())
        progress = Progress(**values)
    except (OSError, ValueError, TypeError):
        return None
    return progress if _lives(progress.process) else None


def _lives(process: int) -> bool:
    """Whether there is such a process: an earlier run may have been killed and left its note."""
    if os.name != "posix":  # elsewhere signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except PermissionError:  # it is somebody else's
        return True
    except (OSError, OverflowError):
        return False
    return True


def _lock_of(work: str) -> str:
    return SKETCHING if work == "sketching" else INDEXING


def _file(library: Path, lock: str) -> Path:
    return library / f"{lock}.progress"
