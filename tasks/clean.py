"""`kinodex clean`: deleting what was encoded of videos that no file holds any more."""

import contextlib
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.orm import Session

from models.errors import KinodexError
from search.catalog.files import Shown, count_files
from search.catalog.keeping import Unheld, count_unheld, note_unheld, purge_unheld
from search.catalog.lock import only_indexer
from search.catalog.settings import LibrarySettings
from search.catalog.store import Store
from search.wording import clock, counted
from tasks.sketches.files import drop_stale_files
from tasks.terminal.printing import data_json, talk


def clean(folder: Path | None, *, at_once: bool, dry_run: bool, as_json: bool) -> None:
    """Say what no file has held for the time that it is kept, delete it, and count what is left.

    at_once: also what has not been kept for that time yet
    dry_run: delete nothing

    Raises LibraryBusy, and KinodexError while files wait that may hold what would be deleted.
    """
    with Store.open(folder) as library, only_indexer(library.folder):
        kept_days = library.settings(LibrarySettings).keep_days
        days = 0.0 if at_once else kept_days
        with library.writing() as session:
            note_unheld(session)
            due = count_unheld(session, days=days)
            later = count_unheld(session).videos - due.videos
            _check_nothing_waits(session)
        _say_before(due, days)
        deleted = Unheld(0, 0.0) if dry_run else _delete(library, days)
        _say_after(deleted, later, kept_days, dry_run=dry_run)
        if as_json:
            data_json({"due": asdict(due), "deleted": asdict(deleted), "kept": later})


def _check_nothing_waits(session: Session) -> None:
    if waiting := count_files(session)[Shown.WAITING]:
        raise KinodexError(
            f"{counted(waiting, 'file')} may hold what would be deleted, and nobody has looked: "
            "run 'kinodex index' on them first"
        )


def _say_before(due: Unheld, days: float) -> None:
    if due.videos:
        since = f" for {days:g} days" if days else ""
        talk(
            f"what was encoded of {counted(due.videos, 'video')} ({clock(due.seconds)}), which no "
            f"file holds any more{since}, is to be deleted; what people said of them is kept"
        )


def _delete(library: Store, days: float) -> Unheld:
    with library.writing() as session:
        deleted, segments = purge_unheld(session, days=days)
    for segment in segments:
        with contextlib.suppress(OSError):
            library.keyframe_file(segment).unlink()
    if deleted.videos:
        drop_stale_files(library)
        library.compact()
    return deleted


def _say_after(deleted: Unheld, later: int, kept_days: float, *, dry_run: bool) -> None:
    left = ""
    if later:
        left = (
            f"; {counted(later, 'video')} kept until no file has held them for {kept_days:g} days "
            "('kinodex clean --now' does not wait)"
        )
    done = "nothing deleted" if dry_run else f"{counted(deleted.videos, 'video')} deleted"
    talk(done + left)
