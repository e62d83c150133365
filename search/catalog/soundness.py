"""What is wrong with a catalog: pages, tables, and values that no program of ours writes."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Row, Table, column, select, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.orm import Session

from search.catalog import tag_tables
from search.catalog.tables import (
    Base,
    Segment,
    SegmentEmbedding,
    SegmentFrames,
    SegmentSketch,
    Status,
    Video,
    VideoPath,
)

_MOST_PAGES_TOLD = 20
_ROWS_AT_ONCE = 200
_UNIT_LENGTH_ERROR = 0.01  # a float16 vector of 2,048 numbers is off by less
_TIME_ERROR_S = 1e-3


class Part(StrEnum):
    """Where something is wrong. What is done about it depends on that."""

    PAGES = "pages"
    LOOKUP = "lookup"  # SQLite's own indexes, made from the tables
    TABLES = "tables"
    REFERENCES = "references"
    VALUES = "values"
    ENCODED = "encoded"  # what was made of a video: segments, frames, embeddings
    MADE = "made"  # what was made of what is encoded: tags, sketches
    PATHS = "paths"
    VECTORS = "vectors"
    MEDIA = "media"
    CONTENT = "content"
    LEFTOVER = "leftover"  # files that nothing needs, as a changed video leaves them
    ACCESS = "access"


# Worth a word, but nothing is wrong with a library that has them.
HARMLESS = frozenset((Part.LEFTOVER, Part.ACCESS))


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a library, in a sentence, and what `--repair` does about it.

    remedy: None where nothing can be done but to restore a backup
    table, row: where it stands in the catalog, by SQLite's own number of the row
    """

    part: Part
    what: str
    remedy: str | None = None
    table: str | None = None
    row: int | None = None
    file: str | None = None


ENCODED_AGAIN = "its video is encoded again by the next 'kinodex index'"
_MADE_AGAIN = "it is taken out, to be made again"
_TRIED_AGAIN = "the file is looked at again by the next 'kinodex index'"


def find_problems(session: Session) -> Iterator[Problem]:
    """All that is wrong with a catalog, worst first. It reads the whole catalog."""
    pages = list(_in_pages(session))
    yield from pages
    tables = list(_in_tables(session))
    yield from tables
    if tables or any(problem.part is Part.PAGES for problem in pages):
        return  # what stands in such tables means nothing
    yield from _in_references(session)
    yield from _in_sets(session)
    checks = _row_checks(session)
    for table in Base.metadata.sorted_tables:
        yield from _in_rows(session, table, checks.get(table.name))


def _in_pages(session: Session) -> Iterator[Problem]:
    try:
        lines = session.execute(text(f"PRAGMA integrity_check({_MOST_PAGES_TOLD})")).scalars().all()
    except DatabaseError as error:
        lines = [str(error.orig)]
    for line in "\n".join(map(str, lines)).splitlines():
        if re.search(r"(missing from|entries in|non-unique entry in) index", line):
            yield Problem(Part.LOOKUP, f"an index of the catalog is wrong: {line}", "made again")
        elif line != "ok":
            yield Problem(Part.PAGES, f"the catalog's pages are damaged: {line}")


def _in_tables(session: Session) -> Iterator[Problem]:
    for table in Base.metadata.sorted_tables:
        try:
            found = session.execute(text(f"PRAGMA table_info('{table.name}')")).all()
            present = {str(row.name) for row in found}
        except SQLAlchemyError as error:
            yield Problem(Part.TABLES, f"the table {table.name!r} cannot be read: {error}")
            continue
        missing = sorted({one.name for one in table.columns} - present)
        if missing:
            named = ", ".join(missing) if present else "all of it"
            yield Problem(Part.TABLES, f"the table {table.name!r} lacks {named}")


def _in_references(session: Session) -> Iterator[Problem]:
    rows = session.execute(text("PRAGMA foreign_key_check")).all()
    for row in rows:
        remedy = {"paths": _TRIED_AGAIN, "tags": _MADE_AGAIN}.get(row.table)
        what = f"row {row.rowid} of {row.table!r} belongs to a row of {row.parent!r} that is gone"
        yield Problem(Part.REFERENCES, what, remedy, row.table, row.rowid)


# Videos without any embedding wait to be encoded again.
_WITHOUT_FRAMES = """
SELECT DISTINCT segments.video_id FROM segments
JOIN segments AS all_of_it ON all_of_it.video_id = segments.video_id
JOIN segment_embeddings ON segment_embeddings.segment_id = all_of_it.id
LEFT JOIN segment_frames ON segment_frames.segment_id = segments.id
WHERE segment_frames.segment_id IS NULL
"""
# A space holds all segments of a video or none.
_LEFT_OUT = """
SELECT DISTINCT segments.video_id FROM segments JOIN (
  SELECT DISTINCT video_id, space_id FROM segments JOIN segment_embeddings ON segment_id = id
) AS encoded ON encoded.video_id = segments.video_id
LEFT JOIN segment_embeddings AS own
  ON own.segment_id = segments.id AND own.space_id = encoded.space_id
WHERE own.segment_id IS NULL
"""


def _in_sets(session: Session) -> Iterator[Problem]:
    for query, what in ((_WITHOUT_FRAMES, "no frames"), (_LEFT_OUT, "no embedding")):
        for number in session.execute(text(query)).scalars().all():
            sentence = f"video {number} has a segment with {what}"
            yield Problem(Part.ENCODED, sentence, ENCODED_AGAIN, "videos", number)


RowCheck = Callable[[Any], str | None]


def _in_rows(session: Session, table: Table, check: RowCheck | None) -> Iterator[Problem]:
    part, remedy = _PARTS.get(table.name, (Part.VALUES, None))
    numbers = session.execute(text(f'SELECT rowid FROM "{table.name}"')).scalars().all()  # noqa: S608
    for start in range(0, len(numbers), _ROWS_AT_ONCE):
        for number, row in _read(session, table, numbers[start : start + _ROWS_AT_ONCE]):
            if isinstance(row, Exception):
                reason: str | None = f"a value cannot be read ({row})"
            else:
                reason = _wrong_value(table, row) or (check(row) if check else None)
            if reason:
                what = f"row {number} of {table.name!r}: {reason}"
                yield Problem(part, what, remedy, table.name, number)


def _read(
    session: Session, table: Table, numbers: Sequence[int]
) -> Iterator[tuple[int, Row[Any] | Exception]]:
    """Rows by number; where one of them cannot be read, each by itself."""
    rowid: Any = column("rowid")
    query = select(rowid.label("kinodex_rowid"), table).where(rowid.in_(numbers))
    try:
        rows = session.execute(query).all()
    except Exception as error:  # whatever stands in the damaged value
        if len(numbers) == 1:
            yield numbers[0], error
            return
        for number in numbers:
            yield from _read(session, table, [number])
        return
    for row in rows:
        yield row.kinodex_rowid, row


def _wrong_value(table: Table, row: Row[Any]) -> str | None:
    for one in table.columns:
        value = getattr(row, one.key)
        if value is None:
            if not one.nullable:
                return f"{one.name!r} is missing"
            continue
        wanted = _python_type(one.type)
        if (isinstance(value, bool) and wanted is not bool) or not isinstance(value, wanted):
            return f"{one.name!r} is of the wrong kind"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{one.name!r} is no number"
    return None


def _python_type(kind: Any) -> Any:
    if kind.__class__.__name__ == "JSON":
        return (dict, list)
    if kind.__class__.__name__ == "FilePath":
        return object  # it is bytes, of which any make a path
    python_type = kind.python_type
    return (float, int) if python_type is float else python_type


_PARTS: dict[str, tuple[Part, str | None]] = {
    Segment.__tablename__: (Part.ENCODED, ENCODED_AGAIN),
    SegmentFrames.__tablename__: (Part.ENCODED, ENCODED_AGAIN),
    SegmentEmbedding.__tablename__: (Part.ENCODED, ENCODED_AGAIN),
    SegmentSketch.__tablename__: (Part.MADE, _MADE_AGAIN),
    tag_tables.SegmentTag.__tablename__: (Part.MADE, _MADE_AGAIN),
    VideoPath.__tablename__: (Part.PATHS, _TRIED_AGAIN),
}


def _row_checks(session: Session) -> dict[str, RowCheck]:
    """What must hold of a row beyond the kinds of its values: → what is wrong, or None."""
    spaces = session.execute(text("SELECT id, dim FROM spaces")).all()
    dims: dict[int, int] = {space.id: space.dim for space in spaces}
    return {
        Video.__tablename__: _wrong_video,
        VideoPath.__tablename__: _wrong_path,
        Segment.__tablename__: _wrong_segment,
        SegmentFrames.__tablename__: lambda row: _wrong_frames(row, set(dims.values())),
        SegmentEmbedding.__tablename__: lambda row: _wrong_embedding(row, dims.get(row.space_id)),
        SegmentSketch.__tablename__: _wrong_sketch,
        tag_tables.SegmentTag.__tablename__: _wrong_tag,
    }


def _wrong_video(row: Any) -> str | None:
    # A plus begins the name of what is being encoded anew (`search.catalog.staging`).
    if not re.fullmatch(r"\+?[0-9a-f]{40}", row.content_hash):
        return "its digest is none"
    return "it ends before it begins" if row.duration_s < 0 else None


def _wrong_path(row: Any) -> str | None:
    if row.status not in set(Status):
        return f"its state {str(row.status)!r} is none"
    if row.status == Status.INDEXED and row.video_id is None:
        return "it counts as indexed, but has no video"
    return None


def _wrong_segment(row: Any) -> str | None:
    start_s, end_s = row.start_s - _TIME_ERROR_S, row.end_s + _TIME_ERROR_S
    if not 0 <= row.start_s <= row.end_s or not start_s <= row.keyframe_s <= end_s:
        return "its times are not in order"
    return None


def _wrong_frames(row: Any, dims: set[int]) -> str | None:
    frames, numbers = len(row.unique_index) // 2, len(row.embeddings) // 2
    whole = len(row.unique_index) == 2 * frames and len(row.embeddings) == 2 * numbers
    unique = np.frombuffer(row.unique_index[: 2 * frames], "<u2")
    needed = int(unique.max()) + 1 if frames else 0
    if not whole or len(row.times_s) != 8 * frames or not frames:
        return "its frames are not of one number"
    if not any(numbers == needed * dim for dim in dims):
        return "its frames' embeddings are not as many as its frames need"
    if not np.isfinite(np.frombuffer(row.times_s, "<f8")).all():
        return "a frame's time is no number"
    if not np.isfinite(np.frombuffer(row.embeddings, "<f2")).all():
        return "a frame's embedding is no number"
    return None


def _wrong_embedding(row: Any, dim: int | None) -> str | None:
    if dim is None or len(row.embedding) != 2 * dim:
        return "its embedding is not of its space's length"
    length = float(np.linalg.norm(np.frombuffer(row.embedding, "<f2").astype(np.float32)))
    if not abs(length - 1) < _UNIT_LENGTH_ERROR:
        return "its embedding is no unit vector"
    return None


def _wrong_sketch(row: Any) -> str | None:
    strokes = len(row.half_widths) // 4
    sizes = (len(row.points), len(row.half_widths), len(row.opacities), len(row.gains))
    if sizes != (32 * strokes, 4 * strokes, 4 * strokes, 4 * strokes):
        return "its strokes are not of one number"
    if not np.isfinite(np.frombuffer(row.points, "<f4")).all():
        return "a stroke is at no place"
    if row.frame_s is not None and row.frame_s < 0:
        return "it is drawn at no time"
    if row.frame_times_s is None:
        return None
    frames = len(row.frame_times_s) // 8
    moving = (row.frame_points, row.frame_half_widths, row.frame_opacities)
    wanted = (32 * strokes * frames, 4 * strokes * frames, 4 * strokes * frames)
    if tuple(len(one or b"") for one in moving) != wanted:
        return "its animation has not the strokes of its sketch"
    return None


def _wrong_tag(row: Any) -> str | None:
    return None if 0 <= row.probability <= 1 else "its probability is none"
