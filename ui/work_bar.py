"""Progress of work on many like pieces, on stderr."""

import sys
import time
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ui.printing import talk_console
from ui.progress_notes import ProgressNotes


class WorkBar:
    """Draws how many of how many are done, how many a second, and the time left.

    work: what is done to them: "fusing"
    noun: what they are: "segments"
    library: the library whose page tells of it too, where the work holds a lock of that library
    """

    def __init__(self, work: str, noun: str = "segments", *, library: Path | None = None) -> None:
        self._notes = ProgressNotes(library, work)
        self._noun = noun
        self._progress = Progress(
            TextColumn(work),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} " + noun),
            TextColumn("{task.fields[rate]}/s"),
            TimeRemainingColumn(),
            console=talk_console,
            transient=True,
            # Rich prints through its console, which is stderr, whatever is written meanwhile: on a
            # terminal that keeps the bar whole, but what goes into a pipe must stay on stdout.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._progress.add_task("", visible=False, total=1, rate="")
        self._started = time.monotonic()

    def __enter__(self) -> "WorkBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._notes.clear()

    def show(self, done: float, total: int) -> None:
        """So many of so many are done; a piece that is being worked on counts in part."""
        self._notes.write(done / max(total, 1), int(done), total, self._noun)
        rate = done / max(time.monotonic() - self._started, 0.1)
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            rate=f"{rate:.2f}" if rate < 10 else f"{rate:.0f}",
            visible=done < total,
        )
