"""Progress on stderr: work on many like pieces, and filling the frame cache."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FillReport, FrameCache
from indexer.discover import Discovery
from indexer.registration import PathToIndex, Scan
from search.catalog.progress import Progress as RunProgress
from search.catalog.progress import ProgressNotes
from search.wording import counted, printable, short_path
from tasks.index_progress import NotedIndexing
from tasks.terminal.printing import talk, talk_console

_REASONS_SHOWN = 10


def _bar(work: str, *figures: str) -> Progress:
    return Progress(
        TextColumn(work),
        BarColumn(),
        *map(TextColumn, figures),
        TimeRemainingColumn(),
        console=talk_console,
        transient=True,
        # Rich prints through its console, which is stderr, whatever is written meanwhile: on a
        # terminal that keeps the bar whole, but what goes into a pipe must stay on stdout.
        redirect_stdout=sys.stdout.isatty(),
    )


class WorkBar:
    """Draws how many of how many are done, how many a second, and the time left.

    work: what is done to them: "fusing"
    noun: what they are: "segments"
    library: the library whose page tells of it too, where the work holds a lock of that library
    """

    def __init__(self, work: str, noun: str = "segments", *, library: Path | None = None) -> None:
        self._notes = ProgressNotes(library, work)
        self._noun = noun
        self._progress = _bar(
            work, "{task.completed:.0f}/{task.total:.0f} " + noun, "{task.fields[rate]}/s"
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
        """Move to what is done of the total; a piece that is being worked on counts in part."""
        self._notes.write(done / max(total, 1), int(done), total, self._noun)
        rate = done / max(time.monotonic() - self._started, 0.1)
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            rate=f"{rate:.2f}" if rate < 10 else f"{rate:.0f}",
            visible=done < total,
        )


def fill(cache: FrameCache, windows: Sequence[ClipWindow]) -> FillReport:
    """Decode and encode what is not in the cache yet, with a bar on stderr."""
    with WorkBar("reading", "videos") as bar:
        return cache.fill(windows, on_progress=bar.show)


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


class IndexingBar(NotedIndexing):
    """Draws indexing on stderr: files, frames a second, time left by the size of the files.

    remarks_made: what was said of files left aside, which is not said again
    """

    def __init__(self, library: Path, remarks_made: set[str]) -> None:
        super().__init__(library, self._show)
        self._remarks_made = remarks_made
        self._progress = _bar(
            "indexing",
            "{task.fields[files]}/{task.fields[all_files]} files",
            "{task.fields[rate]:.0f} frames/s",
        )
        self._task = self._progress.add_task("", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()
        super().__exit__(*exception)

    def on_scan(self, discovery: Discovery, scan: Scan) -> None:
        """Say what was left out, then show the bar."""
        left_aside = _left_aside(discovery)
        if left_aside and left_aside not in self._remarks_made:
            self._remarks_made.add(left_aside)
            talk(left_aside)
        for line in _remarks(discovery):
            talk(line)
        super().on_scan(discovery, scan)

    def on_failed(self, job: PathToIndex, reason: str) -> None:
        """Count a file and say at once what is wrong with it."""
        super().on_failed(job, reason)
        talk(f"failed: {printable(short_path(job.path))}: {reason}")

    def _show(self, progress: RunProgress) -> None:
        self._progress.update(
            self._task,
            total=1,
            completed=progress.fraction,
            files=progress.done,
            all_files=progress.total,
            rate=self.frames / max(progress.seconds, 0.1),
            visible=progress.total > 0,
        )


def _left_aside(discovery: Discovery) -> str:
    """How many files are not even tried, and why; empty for none."""
    reasons = (
        (discovery.skipped_hidden, "hidden"),
        (len(discovery.unreadable), "not readable"),
        (len(discovery.links_outside), "links that lead out of the folder"),
        (discovery.texts, "named like videos, but text (TypeScript?)"),
    )
    said = ", ".join(f"{count} {why}" for count, why in reasons if count)
    return f"left aside: {said}" if said else ""


def _remarks(discovery: Discovery) -> Iterator[str]:
    """What a user should know about files that are not being indexed."""
    for refused in (*discovery.refused, *discovery.shut):
        yield f"failed: {printable(short_path(refused.found.path))}: {refused.reason}"
    for root in discovery.roots:
        if not root.was_seen:
            state = "is empty" if os.path.exists(root.path) else "is not there"  # noqa: PTH110
            yield f"{printable(root.path)} {state}: nothing was taken out of the library for it"
