"""What is found wrong in a catalog, value by value, and what is not."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from search.catalog.soundness import Part, Problem, find_problems
from search.catalog.store import Store
from search.catalog.tables import Base


@pytest.fixture
def library(damageable):
    return damageable


def problems(library: Store, *statements: str) -> list[Problem]:
    """What is found after these changes, which SQLite itself does not look at."""
    with closing(sqlite3.connect(library.catalog_file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    with library.reading() as session:
        return list(find_problems(session))


def told(library: Store, *statements: str) -> list[str]:
    return [problem.what for problem in problems(library, *statements)]


def blob(values: object, kind: str) -> str:
    return f"x'{np.asarray(values, kind).tobytes().hex()}'"


def test_a_sound_catalog_has_no_problem(library):
    assert problems(library) == []


UNIT = np.eye(24)[0]
LONG, SHORTER = 1.009 * UNIT, 0.991 * UNIT
TOO_LONG, TOO_SHORT = 1.012 * UNIT, 0.988 * UNIT

SOUND = [
    "UPDATE videos SET content_hash = '+' || content_hash WHERE id = 1",  # being encoded anew
    "UPDATE videos SET duration_s = 0",
    "UPDATE videos SET duration_s = 20 WHERE id = 1",  # a whole number is a number too
    "UPDATE segments SET start_s = 0, end_s = 0, keyframe_s = 0 WHERE id = 1",
    "UPDATE segments SET keyframe_s = end_s + 0.0009 WHERE id = 1",
    "UPDATE segments SET keyframe_s = start_s - 0.0009 WHERE id = 2",
    "UPDATE tags SET probability = 0",
    "UPDATE tags SET probability = 1",
    "UPDATE paths SET status = 'waiting', video_id = NULL WHERE id = 1",
    f"UPDATE segment_embeddings SET embedding = {blob(LONG, '<f2')} WHERE segment_id = 1",
    f"UPDATE segment_embeddings SET embedding = {blob(SHORTER, '<f2')} WHERE segment_id = 1",
    # Two frames that look alike share a row, which is then needed once.
    f"UPDATE segment_frames SET unique_index = {blob([0, 0, 2], '<u2')} WHERE segment_id = 1",
]


@pytest.mark.parametrize("statement", SOUND)
def test_what_may_be_is_no_problem(library, statement):
    assert told(library, statement) == []


OF_VIDEOS = [
    ("content_hash = 'hash of it'", "its digest is none"),
    ("content_hash = content_hash || '0'", "its digest is none"),
    ("content_hash = '++' || content_hash", "its digest is none"),
    ("duration_s = -0.1", "it ends before it begins"),
    ("duration_s = 9e999", "'duration_s' is no number"),
    ("duration_s = 'long'", "'duration_s' is of the wrong kind"),
    ("codec = x'00'", "'codec' is of the wrong kind"),
    ("width = 0.5", "'width' is of the wrong kind"),
]
OF_SPACES = [
    ("sampling = '5'", "'sampling' is of the wrong kind"),
    ("preprocessing = '\"x\"'", "'preprocessing' is of the wrong kind"),
]
OF_PATHS = [
    ("video_id = NULL", "it counts as indexed, but has no video"),
    ("status = 'lost'", "its state 'lost' is none"),
]
OF_SEGMENTS = [
    ("start_s = -0.1", "its times are not in order"),
    ("start_s = 20.1", "its times are not in order"),
    ("keyframe_s = start_s - 0.0011", "its times are not in order"),
    ("keyframe_s = end_s + 0.0011", "its times are not in order"),
]
OF_TAGS = [
    ("probability = -0.01", "its probability is none"),
    ("probability = 1.01", "its probability is none"),
]
FEW, ODD = (
    "its frames are not of one number",
    "its frames' embeddings are not as many as its frames need",
)
OF_FRAMES = [
    ("times_s = substr(times_s, 2)", FEW),
    ("unique_index = substr(unique_index, 2)", FEW),
    ("embeddings = substr(embeddings, 2)", FEW),
    ("times_s = x'', unique_index = x'', embeddings = x''", FEW),
    ("unique_index = " + blob([0, 1, 3], "<u2"), ODD),
    ("unique_index = " + blob([0, 1, 1], "<u2"), ODD),
    ("embeddings = substr(embeddings, 3)", ODD),
    ("times_s = " + blob([0, np.nan, 2], "<f8"), "a frame's time is no number"),
    ("embeddings = " + blob(np.full(72, np.inf), "<f2"), "a frame's embedding is no number"),
]
SHORT, NO_UNIT = "its embedding is not of its space's length", "its embedding is no unit vector"
OF_EMBEDDINGS = [
    ("embedding = substr(embedding, 3)", SHORT),
    ("embedding = " + blob(np.eye(25)[0], "<f2"), SHORT),
    ("embedding = " + blob(TOO_LONG, "<f2"), NO_UNIT),
    ("embedding = " + blob(TOO_SHORT, "<f2"), NO_UNIT),
    ("embedding = " + blob(np.full(24, np.nan), "<f2"), NO_UNIT),
]
UNEVEN = "its strokes are not of one number"
OTHER_STROKES = "its animation has not the strokes of its sketch"
OF_SKETCHES = [
    ("points = substr(points, 5)", UNEVEN),
    ("half_widths = substr(half_widths, 5)", UNEVEN),
    ("half_widths = substr(half_widths, 2)", UNEVEN),
    ("opacities = substr(opacities, 5)", UNEVEN),
    ("gains = substr(gains, 5)", UNEVEN),
    ("points = " + blob(np.full(24, np.nan), "<f4"), "a stroke is at no place"),
    ("frame_s = -0.1", "it is drawn at no time"),
    ("frame_points = substr(frame_points, 5)", OTHER_STROKES),
    ("frame_half_widths = substr(frame_half_widths, 5)", OTHER_STROKES),
    ("frame_opacities = NULL", OTHER_STROKES),
    ("frame_times_s = x'0000000000000000'", OTHER_STROKES),
]
LOOKED_AT = "the file is looked at again by the next 'kinodex index'"
ENCODED = "its video is encoded again by the next 'kinodex index'"
MADE = "it is taken out, to be made again"


@pytest.mark.parametrize(
    ("table", "row", "change", "reason", "part", "remedy"),
    [
        (table, row, change, reason, part, remedy)
        for table, row, wrong, part, remedy in (
            ("videos", 2, OF_VIDEOS, Part.VALUES, None),
            ("spaces", 1, OF_SPACES, Part.VALUES, None),
            ("paths", 2, OF_PATHS, Part.PATHS, LOOKED_AT),
            ("segments", 2, OF_SEGMENTS, Part.ENCODED, ENCODED),
            ("segment_frames", 1, OF_FRAMES, Part.ENCODED, ENCODED),
            ("segment_embeddings", 1, OF_EMBEDDINGS, Part.ENCODED, ENCODED),
            ("tags", 1, OF_TAGS, Part.MADE, MADE),
            ("sketches", 1, OF_SKETCHES, Part.MADE, MADE),
        )
        for change, reason in wrong
    ],
)
def test_a_wrong_value_is_told_with_its_row_and_what_becomes_of_it(
    library, table, row, change, reason, part, remedy
):
    statement = f"UPDATE {table} SET {change} WHERE rowid = {row}"
    what = f"row {row} of {table!r}: {reason}"
    assert problems(library, statement) == [Problem(part, what, remedy, table, row)]


def test_a_value_that_is_missing_is_told(library):
    assert told(
        library,
        "ALTER TABLE corrections RENAME TO kept",
        "CREATE TABLE corrections AS SELECT * FROM kept",  # without what forbids it
        "DROP TABLE kept",
        "UPDATE corrections SET label = NULL",
    ) == ["row 1 of 'corrections': 'label' is missing"]


def test_a_row_that_cannot_be_read_is_told_beside_those_that_can(library):
    found = told(
        library,
        "UPDATE sketches SET drawn_at = 'yesterday' WHERE segment_id = 2",
        "UPDATE sketches SET gains = x'' WHERE segment_id = 1",
    )
    assert found[0] == f"row 1 of 'sketches': {UNEVEN}"
    assert found[1].startswith("row 2 of 'sketches': a value cannot be read (")
    assert len(found) == 2


def test_every_row_of_a_long_table_is_looked_at(library):
    found = told(
        library,
        "INSERT INTO corrections (content_hash, start_s, end_s, label, holds, said_at) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) "
        "SELECT i, 0, 'later', 'x', 1, '2026-01-01 00:00:00.000000' FROM n",
    )
    assert sorted(found) == sorted(
        f"row {number} of 'corrections': 'end_s' is of the wrong kind" for number in range(2, 452)
    )


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM segment_frames WHERE segment_id = 2", "video 1 has a segment with no frames"),
        (
            "DELETE FROM segment_embeddings WHERE segment_id = 2",
            "video 1 has a segment with no embedding",
        ),
    ],
)
def test_a_video_of_which_a_segment_lacks_something_is_encoded_again(library, statement, what):
    found = problems(library, "DELETE FROM tags", statement)
    assert found == [Problem(Part.ENCODED, what, ENCODED, "videos", 1)]


def test_a_video_that_waits_to_be_encoded_again_is_no_problem(library):
    gone = "DELETE FROM segment_embeddings WHERE segment_id < 3"
    assert told(library, gone, "DELETE FROM segment_frames WHERE segment_id = 1") == []


@pytest.mark.parametrize(
    ("statement", "table", "parent", "remedy"),
    [
        ("UPDATE paths SET video_id = 99 WHERE id = 1", "paths", "videos", LOOKED_AT),
        ("UPDATE tags SET label_id = 99 WHERE rowid = 1", "tags", "labels", MADE),
        ("UPDATE labels SET vocabulary_id = 99 WHERE id = 1", "labels", "vocabularies", None),
    ],
)
def test_a_row_without_the_one_it_belongs_to_is_told(library, statement, table, parent, remedy):
    what = f"row 1 of {table!r} belongs to a row of {parent!r} that is gone"
    assert problems(library, statement) == [Problem(Part.REFERENCES, what, remedy, table, 1)]


def test_missing_tables_and_columns_are_all_that_is_told(library):
    assert problems(
        library,
        "DROP TABLE corrections",
        "ALTER TABLE segments DROP COLUMN end_s",
        "ALTER TABLE segments DROP COLUMN keyframe_s",
        "UPDATE videos SET duration_s = -1",
    ) == [
        Problem(Part.TABLES, "the table 'corrections' lacks all of it"),
        Problem(Part.TABLES, "the table 'segments' lacks end_s, keyframe_s"),
    ]


def test_where_no_table_can_be_read_each_is_told(tmp_path):
    file = tmp_path / "catalog.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE videos (id)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE nonsense'")
    with Session(create_engine(f"sqlite:///{file}")) as session:
        found = list(find_problems(session))
    assert found[0].part is Part.PAGES
    tables = [table.name for table in Base.metadata.sorted_tables]
    assert [problem.part for problem in found[1:]] == [Part.TABLES] * len(tables)
    for problem, name in zip(found[1:], tables, strict=True):
        assert problem.what.startswith(f"the table {name!r} cannot be read: ")
