"""Pictures of stored sketches: files that may be deleted, since the strokes are in the catalog."""

import contextlib
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from models.errors import KinodexError
from models.files import DRAFT, make_folder, replaced_whole
from search.catalog.places import place_segments
from search.catalog.sketches import StoredSketch, read_drawn_at, read_sketch, sketched_ids
from search.catalog.store import SketchKind, Store
from search.wording import clock, printable, why_unwritten
from sketch.formats.animated_svg import morphing_svg
from sketch.formats.png import to_png
from sketch.formats.svg import to_svg
from tasks.sketches.records import animation_from_store, from_store

# A file belongs to its row when it carries the row's time; some file systems round it a little.
_SAME_TIME_S = 0.001
# A younger draft may be in the hands of somebody who writes it now.
_DRAFT_AGE_S = 60.0


class SketchNotStored(KinodexError):
    """A picture of a sketch cannot be written."""


def ensure_sketch(library: Store, segment_id: int, kind: SketchKind) -> Path | None:
    """The file with a picture of a segment's sketch, made again if it was deleted or is old.

    None when the segment has no sketch, or no animation for "webp" and "mp4". "animated.svg" plays
    the animation; without one it shows how the sketch is drawn.

    Raises SketchNotStored.
    """
    file = library.sketch_file(segment_id, kind)
    with library.reading() as session:
        drawn_at = read_drawn_at(session, segment_id)
        if drawn_at is None:
            return None
        if _has_time(file, drawn_at):
            return file
        stored = read_sketch(session, segment_id)
        title = _title(session, segment_id)
    content = _content(stored, kind, title) if stored else None
    if stored is None or stored.drawn_at is None or content is None:
        return None
    try:
        _put_in_place(file, content, stored.drawn_at)
    except OSError as error:
        raise SketchNotStored(
            f"the sketch cannot be stored in {str(file.parent)!r}: {why_unwritten(error)}"
        ) from error
    return file


def write_usual_files(library: Store, segment_ids: Iterable[int]) -> None:
    """Write what pages and people look at most. Raises SketchNotStored."""
    for segment_id in segment_ids:
        ensure_sketch(library, segment_id, "svg")
        ensure_sketch(library, segment_id, "png")


def drop_stale_files(library: Store) -> None:
    """Delete the pictures of sketches that are no more, and drafts that a kill has left."""
    with library.reading() as session:
        kept = {str(segment_id) for segment_id in sketched_ids(session)}
    for file in library.sketches_folder.glob("*/*"):
        with contextlib.suppress(OSError):
            is_draft = file.suffix == DRAFT
            old = time.time() - file.stat().st_ctime >= _DRAFT_AGE_S
            if file.name.partition(".")[0] not in kept or (is_draft and old):
                file.unlink()


def _title(session: Session, segment_id: int) -> str:
    places = place_segments(session, [segment_id])
    if not places:
        return f"segment {segment_id}"
    return f"{printable(places[0].path.name)} at {clock(places[0].keyframe_s)}"


def _content(stored: StoredSketch, kind: SketchKind, title: str) -> bytes | None:
    sketch = from_store(stored)
    if kind == "svg":
        return to_svg(sketch, title=title).encode()
    if kind == "png":
        return to_png(sketch)
    if stored.animation is None:
        playing = to_svg(sketch, title=title, playing=True)
        return playing.encode() if kind == "animated.svg" else None
    frames, times_s = animation_from_store(stored.animation), stored.animation.times_s
    if kind == "animated.svg":
        return morphing_svg(frames, times_s, title=title).encode()
    from sketch.formats.film import morphing_film  # it loads a video encoder

    return morphing_film(frames, times_s, form=kind)


def _has_time(file: Path, drawn_at: datetime) -> bool:
    try:
        return abs(file.stat().st_mtime - _seconds(drawn_at)) < _SAME_TIME_S
    except OSError:
        return False


def _put_in_place(file: Path, content: bytes, drawn_at: datetime) -> None:
    make_folder(file.parent)
    with replaced_whole(file, as_folder=True) as draft:
        draft.write_bytes(content)
        os.utime(draft, (_seconds(drawn_at), _seconds(drawn_at)))


def _seconds(drawn_at: datetime) -> float:
    return drawn_at.replace(tzinfo=UTC).timestamp()
