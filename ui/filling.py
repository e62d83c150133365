"""Filling the frame cache as a user sees it: a bar while it goes on, then what was left out."""

from collections.abc import Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from indexer.datasets import ClipWindow
from indexer.frame_cache import FillReport, FrameCache
from ui.printing import counted, printable, short_path, talk, talk_console

_REASONS_SHOWN = 10


def fill(cache: FrameCache, windows: Sequence[ClipWindow]) -> FillReport:
    """Decode and encode what is not in the cache yet, with a bar on stderr."""
    progress = Progress(
        TextColumn("reading videos"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=talk_console,
        transient=True,
    )
    task = progress.add_task("", visible=False)

    def show(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total, visible=True)

    with progress:
        return cache.fill(windows, on_progress=show)


def say_left_out(
    filled: FillReport, *, what: str = "video", treated: str = "left out, with all captions"
) -> None:
    """How many were left out, or `treated` otherwise, and why, for the first few."""
    if not filled.failed:
        return
    talk(f"{counted(len(filled.failed), what)} {treated}:")
    for window, reason in list(filled.failed.items())[:_REASONS_SHOWN]:
        talk(f"  {printable(short_path(window.path))}: {reason}")
    if len(filled.failed) > _REASONS_SHOWN:
        talk(f"  and {len(filled.failed) - _REASONS_SHOWN} more")
