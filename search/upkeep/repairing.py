"""Mending what `verify` has found, where that loses nothing that cannot be made again."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.files import replaced_whole
from search.catalog.database import copy_database
from search.catalog.lock import only_indexer, only_sketcher
from search.catalog.settings import LibrarySettings
from search.catalog.soundness import HARMLESS, Part, Problem
from search.catalog.spaces import active_space, bump_revision
from search.catalog.store import Store
from search.upkeep.caches import mode_for
from search.vectors.segment_index import SegmentIndex

BEFORE_REPAIR = "catalog-before-repair.db"

_VIDEO_OF = {
    "videos": "SELECT :row",
    "segments": "SELECT video_id FROM segments WHERE rowid = :row",
    "segment_frames": "SELECT video_id FROM segments "
    "WHERE id = (SELECT segment_id FROM segment_frames WHERE rowid = :row)",
    "segment_embeddings": "SELECT video_id FROM segments "
    "WHERE id = (SELECT segment_id FROM segment_embeddings WHERE rowid = :row)",
}
_WAITS = "UPDATE paths SET status = 'waiting', stage = NULL, reason = NULL, attempts = 0"
_LOOKED_AT_AGAIN = (
    f"{_WAITS}, size_bytes = -1, mtime_ns = -1, missing_since = NULL, tried_at = NULL, "  # noqa: S608
    "video_id = (SELECT id FROM videos WHERE id = paths.video_id) WHERE rowid = :row"
)


def repair(library: Store, problems: Sequence[Problem]) -> list[Problem]:
    """Mend what can be mended; → what was. The catalog as it was is kept as BEFORE_REPAIR.

    Raises LibraryBusy while somebody indexes or sketches, and ReadOnlyLibrary.
    """
    mendable = [problem for problem in problems if problem.remedy]
    if not mendable:
        return []
    if any(problem.part in (Part.PAGES, Part.TABLES) for problem in problems):
        # What is written to a damaged catalog may go where other rows are.
        mendable = [problem for problem in mendable if problem.file]
    with only_indexer(library.folder), only_sketcher(library.folder):
        in_catalog = [problem for problem in mendable if not problem.file]
        if in_catalog:
            _mend_catalog(library, in_catalog)
        for problem in mendable:
            if problem.file:
                _mend_file(library, problem.part, Path(problem.file))
        if any(problem.part not in HARMLESS for problem in mendable):
            _build_index(library)
    return mendable


def _mend_catalog(library: Store, problems: Sequence[Problem]) -> None:
    _keep_copy(library)
    with library.writing() as session:
        if any(problem.part is Part.LOOKUP for problem in problems):
            session.execute(text("REINDEX"))
        for problem in problems:
            if problem.table:
                _MENDING[problem.part](session, problem)
        bump_revision(session)


def _keep_copy(library: Store) -> None:
    copy = library.folder / BEFORE_REPAIR
    with replaced_whole(copy, durable=True) as draft:
        draft.touch(mode=0o600)
        copy_database(library.catalog_file, draft)


def _encode_again(session: Session, problem: Problem) -> None:
    row = {"row": problem.row}
    video = session.execute(text(_VIDEO_OF[problem.table or ""]), row).scalar()
    session.execute(
        text(
            "DELETE FROM segment_embeddings WHERE segment_id IN "
            "(SELECT id FROM segments WHERE video_id = :video)"
        ),
        {"video": video},
    )
    session.execute(text(f"{_WAITS} WHERE video_id = :video"), {"video": video})
    # All else of the video stays until it is encoded again: sound frames, tags, sketches.
    if problem.table in ("segments", "segment_frames"):
        _take_out(session, problem)


def _look_again(session: Session, problem: Problem) -> None:
    """Let the next scan take the file for a changed one."""
    session.execute(text(_LOOKED_AT_AGAIN), {"row": problem.row})


def _take_out(session: Session, problem: Problem) -> None:
    session.execute(
        text(f'DELETE FROM "{problem.table}" WHERE rowid = :row'),  # noqa: S608
        {"row": problem.row},
    )


def _mend_reference(session: Session, problem: Problem) -> None:
    (_look_again if problem.table == "paths" else _take_out)(session, problem)


_MENDING: dict[Part, Callable[[Session, Problem], None]] = {
    Part.ENCODED: _encode_again,
    Part.PATHS: _look_again,
    Part.CONTENT: _look_again,
    Part.MADE: _take_out,
    Part.REFERENCES: _mend_reference,
}


def _mend_file(library: Store, part: Part, place: Path) -> None:
    if part is Part.ACCESS:
        if place.exists():  # not a picture that was removed just now
            place.chmod(mode_for(place, library.settings(LibrarySettings).group))
    elif place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _build_index(library: Store) -> None:
    with library.reading() as session:
        space = active_space(session)
    if space is not None:
        index = SegmentIndex(library, space)
        index.refresh()
        index.save()
