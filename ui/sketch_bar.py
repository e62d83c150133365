"""Progress of sketching, on stderr."""

import time

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ui.printing import talk_console


class SketchBar:
    """Draws how many of how many are done, how many a second, and the time left."""

    def __init__(self, noun: str) -> None:
        self._progress = Progress(
            TextColumn("sketching"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} " + noun),
            TextColumn("{task.fields[rate]:.2f}/s"),
            TimeRemainingColumn(),
            console=talk_console,
            transient=True,
            disable=not talk_console.is_terminal,
        )
        self._task = self._progress.add_task("", visible=False, total=1, rate=0.0)
        self._started = time.monotonic()

    def __enter__(self) -> "SketchBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: float, total: int) -> None:
        """So many of so many are done; the piece in hand counts in part."""
        rate = done / max(time.monotonic() - self._started, 0.1)
        self._progress.update(
            self._task, completed=done, total=total, rate=rate, visible=done < total
        )
