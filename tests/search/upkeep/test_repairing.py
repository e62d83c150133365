"""What is mended, how, and what stays as it is."""

import sqlite3
from contextlib import closing

import pytest

from search.catalog.lock import LibraryBusy, only_indexer, only_sketcher
from search.catalog.soundness import Part, Problem, find_problems
from search.catalog.store import Store
from search.upkeep.caches import find_open_parts
from search.upkeep.repairing import BEFORE_REPAIR, repair


@pytest.fixture
def library(damageable):
    return damageable


def change(library: Store, statement: str) -> None:
    with closing(sqlite3.connect(library.catalog_file)) as connection, connection:
        connection.execute(statement)


def rows(library: Store, query: str) -> list[tuple]:
    with closing(sqlite3.connect(library.catalog_file)) as connection:
        return connection.execute(query).fetchall()


def mended(library: Store, *statements: str) -> list[Problem]:
    for statement in statements:
        change(library, statement)
    with library.reading() as session:
        problems = list(find_problems(session))
    assert problems
    done = repair(library, problems)
    with library.reading() as session:
        left = list(find_problems(session))
    assert left == [problem for problem in problems if problem not in done]
    return done


EMBEDDED = "SELECT segment_id FROM segment_embeddings WHERE space_id = 1 ORDER BY 1"
STATES = "SELECT status, stage, reason, attempts FROM paths ORDER BY id"
INDEXED, WAITING = ("indexed", None, None, 0), ("waiting", None, None, 0)
FAILED_BEFORE = "UPDATE paths SET stage = 'read', reason = 'x', attempts = 3 WHERE id = 1"


@pytest.mark.parametrize(
    ("statement", "segments", "frames"),
    [
        ("UPDATE segments SET keyframe_s = -5 WHERE id = 2", [1, 3], [1, 3]),
        ("UPDATE segment_frames SET times_s = x'' WHERE segment_id = 2", [1, 2, 3], [1, 3]),
        ("DELETE FROM segment_frames WHERE segment_id = 2", [1, 2, 3], [1, 3]),
        (
            "UPDATE segment_embeddings SET embedding = x'' WHERE segment_id = 2",
            [1, 2, 3],
            [1, 2, 3],
        ),
    ],
)
def test_a_damaged_segment_has_its_whole_video_encoded_again(library, statement, segments, frames):
    assert mended(library, FAILED_BEFORE, statement)
    assert rows(library, EMBEDDED) == [(3,)]
    assert rows(library, STATES) == [WAITING, INDEXED]
    assert rows(library, "SELECT id FROM segments") == [(one,) for one in segments]
    assert rows(library, "SELECT segment_id FROM segment_frames") == [(one,) for one in frames]
    assert rows(library, "SELECT count(*) FROM videos") == [(2,)]


def test_a_damaged_path_is_looked_at_again_and_keeps_its_video(library):
    change(library, "UPDATE paths SET missing_since = '2026-01-01 00:00:00.000000' WHERE id = 1")
    assert mended(library, FAILED_BEFORE, "UPDATE paths SET status = 'lost' WHERE id = 1")
    assert rows(library, STATES) == [WAITING, INDEXED]
    columns = "SELECT size_bytes, mtime_ns, missing_since, tried_at, video_id FROM paths"
    assert rows(library, f"{columns} WHERE id = 1") == [(-1, -1, None, None, 1)]
    [untouched] = rows(library, f"{columns} WHERE id = 2")
    assert untouched[:3] == (1, 1, None)
    assert rows(library, EMBEDDED) == [(1,), (2,), (3,)]


def test_a_path_to_a_video_that_is_gone_is_looked_at_again(library):
    assert mended(library, "UPDATE paths SET video_id = 99 WHERE id = 1")
    assert rows(library, "SELECT video_id, status FROM paths") == [
        (None, "waiting"),
        (2, "indexed"),
    ]


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE tags SET probability = 7 WHERE rowid = 1", "tags"),
        ("UPDATE tags SET label_id = 99 WHERE rowid = 1", "tags"),
        ("UPDATE sketches SET points = x'' WHERE segment_id = 1", "sketches"),
    ],
)
def test_what_can_be_made_again_is_taken_out(library, statement, table):
    before = rows(library, f"SELECT rowid FROM {table}")
    assert before[0] == (1,)
    assert len(mended(library, statement)) == 1
    assert rows(library, f"SELECT rowid FROM {table}") == before[1:]


def test_searches_hear_of_what_was_mended_and_the_catalog_before_is_kept(library, indexed_in_files):
    [(before,)] = rows(library, "SELECT revision FROM spaces WHERE active")
    mended(library, "UPDATE tags SET probability = 7 WHERE rowid = 1")
    assert rows(library, "SELECT revision FROM spaces WHERE active") == [(before + 1,)]
    kept = library.folder / BEFORE_REPAIR
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT probability FROM tags WHERE rowid = 1").fetchone() == (7,)
    [manifest] = library.vectors_folder.glob("*/manifest.json")
    assert f'"revision": {before + 1}' in manifest.read_text()


def test_what_cannot_be_mended_is_left_and_nothing_is_written(library):
    assert mended(library, "UPDATE videos SET duration_s = -1 WHERE id = 1") == []
    assert not (library.folder / BEFORE_REPAIR).exists()
    assert repair(library, []) == []


@pytest.mark.parametrize("part", [Part.PAGES, Part.TABLES])
def test_in_a_damaged_catalog_only_files_are_mended(library, part):
    picture = library.keyframe_file(1)
    picture.parent.mkdir(parents=True)
    picture.touch()
    of_file = Problem(Part.MEDIA, "it is damaged", "it is removed", file=str(picture))
    of_row = Problem(Part.MADE, "a tag", "it is taken out", "tags", 1)
    [(before,)] = rows(library, "SELECT count(*) FROM tags")
    assert repair(library, [Problem(part, "it is damaged"), of_row, of_file]) == [of_file]
    assert not picture.exists()
    assert rows(library, "SELECT count(*) FROM tags") == [(before,)]
    assert repair(library, [of_file]) == [of_file]  # gone already
    assert not (library.folder / BEFORE_REPAIR).exists()


def test_folders_and_links_are_removed_and_what_a_link_leads_to_is_not(library, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link, folder = library.vectors_folder / "link", library.vectors_folder / "stray"
    link.symlink_to(elsewhere)
    folder.mkdir()
    (folder / "file").touch()
    problems = [
        Problem(Part.LEFTOVER, "left over", "it is removed", file=str(one))
        for one in (link, folder)
    ]
    assert repair(library, problems) == problems
    assert list(library.vectors_folder.iterdir()) == []  # nor is an index built for so little
    assert (elsewhere / "kept").exists()


def test_parts_that_are_too_open_are_shut(library):
    (library.folder / "x.txt").touch(mode=0o644)
    library.folder.chmod(0o755)
    problems = [one for one in find_open_parts(library) if "catalog" not in str(one.file)]
    gone = Problem(Part.ACCESS, "open", "shut", file=str(library.folder / "gone"))
    assert repair(library, [*problems, gone]) == [*problems, gone]
    assert (library.folder / "x.txt").stat().st_mode & 0o777 == 0o600
    assert library.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("hold", [only_indexer, only_sketcher])
def test_nothing_is_mended_under_the_hands_of_somebody_who_writes(library, hold):
    change(library, "UPDATE tags SET probability = 7 WHERE rowid = 1")
    with library.reading() as session:
        problems = list(find_problems(session))
    with hold(library.folder), pytest.raises(LibraryBusy):
        repair(library, problems)
    assert not (library.folder / BEFORE_REPAIR).exists()


def test_a_library_without_a_model_has_no_index_to_build(tmp_path):
    with Store.open(tmp_path, create=True) as library:
        picture = tmp_path / "media" / "1.jpg"
        picture.touch()
        problem = Problem(Part.MEDIA, "it is damaged", "it is removed", file=str(picture))
        assert repair(library, [problem]) == [problem]
        assert not picture.exists()
