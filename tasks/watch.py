"""`kinodex index --watch`: what comes into folders is indexed as soon as it is whole."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from indexer.pipeline import Indexer, IndexReport
from indexer.reading.settings import IndexSettings
from indexer.watch import Watch, pause_s, stamps
from search.catalog.lock import LibraryBusy
from search.catalog.reach import opens
from search.wording import counted
from tasks.terminal.outcomes import STOPPING, Exit
from tasks.terminal.printing import talk

IndexingStep = Callable[[Indexer], IndexReport]


def watch_folders(
    paths: Sequence[Path],
    library: Path,
    settings: IndexSettings,
    stop: threading.Event,
    run: Callable[[IndexingStep], int],
) -> int:
    """Index what is there and what comes, until `stop` is set; → the exit code, which is 0 then.

    library: its folder, which may lie among the videos
    run: does one round of indexing with the model that is loaded. The library is locked only
        meanwhile, so that others may work on it between.
    """
    own = None if any(library in path.resolve().parents for path in paths) else library
    watch = Watch(settings.watch_still_s)
    started = time.monotonic()
    seen = stamps(paths, own=own)
    shown = watch.begin(seen, started, clock_ns=time.time_ns())
    shut: set[Path] = set()  # what could not be read when it was due
    is_first, waits_for_others = True, False  # the first round is due even where nothing is still
    with _ended_by_terminate(stop):
        while not stop.is_set():
            looked_s = time.monotonic() - started
            if shown.is_due or is_first:
                waits_for_others = not _index(paths, shown.due, run, waits_for_others)
                if not waits_for_others:
                    watch.indexed(seen, shown.due)
                    shut |= {path for path in shown.due if not opens(path)}
                    _say_what_comes(paths, stop, is_first=is_first)
                    is_first = False
            if stop.wait(pause_s(settings.watch_every_s, looked_s)):
                break
            started = time.monotonic()
            seen = stamps(paths, own=own)
            opened = {path for path in shut if opens(path)}
            watch.forget(opened)
            shut -= opened
            shown = watch.look(seen, started)
    return Exit.DONE


def _say_what_comes(paths: Sequence[Path], stop: threading.Event, *, is_first: bool) -> None:
    if is_first and not stop.is_set():
        talk(f"watching {counted(len(paths), 'place')} for more; Ctrl-C ends it")


def _index(
    paths: Sequence[Path], due: frozenset[Path], run: Callable[[IndexingStep], int], waited: bool
) -> bool:
    """One round; → whether it could be done, or another process is at it."""

    def work(indexer: Indexer) -> IndexReport:
        return indexer.index(paths, only=due)

    try:
        run(work)
    except LibraryBusy:
        if not waited:
            talk("another process is at work on this library: waiting for it")
        return False
    return True


@contextmanager
def _ended_by_terminate(stop: threading.Event) -> Iterator[None]:
    """SIGTERM, which services are ended with, ends the watch like Ctrl-C."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            talk(STOPPING)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
