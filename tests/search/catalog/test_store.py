"""Opening libraries: new, old, foreign and damaged ones."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

import search.catalog.database
from models.errors import KinodexError
from search.catalog import tag_tables  # noqa: F401  (their tables join the catalog's)
from search.catalog.database import SCHEMA, CatalogError, DamagedCatalog, explained, open_database
from search.catalog.read_only import connect_read_only
from search.catalog.store import LibraryNotFound, Store, default_folder, media_folder
from search.catalog.summary import summarise
from search.catalog.tables import Base, VideoPath


def test_a_new_library_is_made_where_it_is_asked_for(tmp_path):
    with Store.open(tmp_path / "a" / "b", create=True) as library:
        assert summarise(library).videos == 0
    assert (tmp_path / "a" / "b" / "catalog.db").is_file()


def test_a_missing_library_is_not_made_by_looking(tmp_path):
    with pytest.raises(LibraryNotFound, match="make one with 'kinodex index FOLDER'"):
        Store.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_migrations_make_exactly_the_tables_of_the_models(tmp_path):
    engine = open_database(tmp_path / "catalog.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrated_columns_are_what_the_models_would_make_to_the_last_word(tmp_path):
    """Alembic's comparison passes over keys, lengths and what a deleted row takes along."""

    def columns(connection: Connection) -> dict[str, list]:
        found = {}
        for table in Base.metadata.tables:
            for pragma in ("table_info", "foreign_key_list", "index_list"):
                rows = connection.execute(text(f"SELECT * FROM pragma_{pragma}('{table}')"))
                # Without a row's own number, and what only migrations say: the default of old rows.
                kept = [
                    {k: v for k, v in row.items() if k not in ("cid", "seq", "id", "dflt_value")}
                    for row in rows.mappings()
                ]
                found[f"{pragma} of {table}"] = sorted(kept, key=str)
        return found

    made = create_engine("sqlite://")
    Base.metadata.create_all(made)
    with open_database(tmp_path / "catalog.db").connect() as migrated, made.connect() as fresh:
        assert columns(migrated) == columns(fresh)


def test_the_newest_migration_is_the_one_the_program_expects():
    scripts = ScriptDirectory(str(search.catalog.database._MIGRATIONS))
    assert scripts.get_heads() == [SCHEMA]


def test_migrations_import_nothing_of_the_program_that_will_have_changed():
    for file in (search.catalog.database._MIGRATIONS / "versions").glob("*.py"):
        lines = file.read_text().splitlines()
        imports = [line for line in lines if re.match(r"\s*(import|from)\s", line)]
        assert imports == ["import sqlalchemy as sa", "from alembic import op"], file.name


def test_a_library_of_a_newer_program_is_refused_untouched(tmp_path):
    Store.open(tmp_path, create=True).close()
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(CatalogError, match="made by a newer Kinodex"):
        Store.open(tmp_path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alembic_version VALUES ('0001')",
        "UPDATE alembic_version SET version_num = '0000'",
        "UPDATE alembic_version SET version_num = 'new'",
    ],
)
def test_a_catalog_that_does_not_say_which_version_made_it_is_damaged(tmp_path, statement):
    Store.open(tmp_path, create=True).close()
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as connection, connection:
        connection.execute(statement)
    with pytest.raises(DamagedCatalog, match="it does not say which version made it"):
        Store.open(tmp_path)


def test_where_the_version_cannot_be_read_the_damage_is_named(tmp_path):
    Store.open(tmp_path, create=True).close()
    with closing(sqlite3.connect(tmp_path / "catalog.db")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        of_table = "SELECT rootpage FROM sqlite_master WHERE name = 'alembic_version'"
        [page] = connection.execute(of_table).fetchone()
    with (tmp_path / "catalog.db").open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(bytes(4096))
    with pytest.raises(DamagedCatalog, match="malformed"):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    "content", [b"this is not a database" * 100, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_catalog_is_one_sentence_and_left_alone(tmp_path, content):
    journal = b"what was stored last" * 1000
    (tmp_path / "catalog.db").write_bytes(content)
    (tmp_path / "catalog.db-wal").write_bytes(journal)
    with pytest.raises(CatalogError, match=r"the catalog '.*catalog.db' cannot be used"):
        Store.open(tmp_path)
    assert (tmp_path / "catalog.db").read_bytes() == content
    assert (tmp_path / "catalog.db-wal").read_bytes() == journal


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KinodexError, match="a library cannot be made in"):
        Store.open(tmp_path / "file" / "library", create=True)


def test_file_names_of_any_bytes_are_kept(tmp_path):
    names = [b"/v/-dash.mp4", b"/v/new\nline.mp4", b"/v/\xff\xfe.mp4", "/v/🐈'\".mp4".encode()]
    import os

    paths = [Path(os.fsdecode(name)) for name in names]
    with Store.open(tmp_path, create=True) as library:
        with library.writing() as session:
            session.add_all(VideoPath(path=path, size_bytes=1, mtime_ns=1) for path in paths)
        with library.reading() as session:
            stored = {row.path for row in session.query(VideoPath)}
    assert stored == set(paths)


def test_a_transaction_is_all_or_nothing(tmp_path):
    with Store.open(tmp_path, create=True) as library:
        with pytest.raises(RuntimeError), library.writing() as session:
            session.add(VideoPath(path=Path("/v/a.mp4"), size_bytes=1, mtime_ns=1))
            session.flush()
            raise RuntimeError
        with library.reading() as session:
            assert session.query(VideoPath).count() == 0


def test_readers_do_not_wait_for_a_writer(tmp_path):
    with Store.open(tmp_path, create=True) as library, library.writing() as writing:
        writing.add(VideoPath(path=Path("/v/a.mp4"), size_bytes=1, mtime_ns=1))
        writing.flush()
        with library.reading() as reading:
            assert reading.query(VideoPath).count() == 0


def test_the_default_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    monkeypatch.delenv("KINODEX_LIBRARY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "kinodex"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".local" / "share" / "kinodex"


def test_a_library_where_every_system_had_it_before_is_still_found(monkeypatch, tmp_path):
    monkeypatch.delenv("KINODEX_LIBRARY", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    elsewhere = tmp_path / "Application Support" / "kinodex"
    monkeypatch.setattr("search.catalog.store.user_data_path", lambda *_, **__: elsewhere)
    assert default_folder() == elsewhere
    earlier = tmp_path / "home" / ".local" / "share" / "kinodex"
    Store.open(earlier, create=True).close()
    assert default_folder() == earlier
    Store.open(elsewhere, create=True).close()
    assert default_folder() == elsewhere


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    with Store.open(tmp_path, create=True) as library:
        with library.writing() as session:
            session.add(VideoPath(path=Path("/v/a.mp4"), size_bytes=1, mtime_ns=1))
            pages = session.execute(text("PRAGMA page_count")).scalar()
        with pytest.raises(CatalogError, match="disk is full"), library.writing() as session:
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            session.add_all(
                VideoPath(path=Path(f"/v/{number}.mp4"), size_bytes=1, mtime_ns=1)
                for number in range(5000)
            )
        with library.reading() as session:
            assert session.query(VideoPath).count() == 1


def test_a_defect_of_ours_is_not_disguised(tmp_path):
    with (
        Store.open(tmp_path, create=True) as library,
        pytest.raises(OperationalError),
        library.reading() as session,
    ):
        session.execute(text("SELECT nonsense FROM videos"))


def test_a_table_that_is_not_there_is_said_as_damage(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        file = store.catalog_file
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE paths")
        connection.commit()
    with pytest.raises(DamagedCatalog, match="paths"):
        Store.open(tmp_path)


def test_files_of_a_segment_lie_by_the_thousand(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        assert store.keyframe_file(999) == tmp_path / "media" / "keyframes" / "0" / "999.jpg"
        assert store.keyframe_file(4711) == tmp_path / "media" / "keyframes" / "4" / "4711.jpg"
        assert store.sketch_file(12_000, "webp") == store.sketches_folder / "12" / "12000.webp"
        assert store.sketches_folder == tmp_path / "media" / "sketches"
        assert store.query_picture_file("ab") == tmp_path / "media" / "queries" / "ab.jpg"
        assert store.vectors_folder == tmp_path / "vectors"
        assert store.catalog_file == tmp_path / "catalog.db"
        assert store.settings_file == tmp_path / "library.toml"


def test_what_the_folder_cannot_hold_lies_elsewhere_but_is_read_where_it_lies(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        there = store.keyframe_file(1)
        there.parent.mkdir(parents=True)
        there.touch()
    store.may_write = False
    assert store.keyframe_file(1) == there
    assert store.keyframe_file(2) == media_folder(tmp_path) / "keyframes" / "0" / "2.jpg"


@pytest.mark.parametrize("name", ["a\0b", "~nobody-knows-her/library"])
def test_what_can_be_no_folder_is_one_sentence(name):
    with pytest.raises(KinodexError, match="can be no folder"):
        Store.open(name)


@pytest.mark.parametrize("leftover", ["catalog.db-wal", "media/keyframes/0/1.jpg", "vectors/x/y"])
def test_a_catalog_that_was_emptied_is_not_taken_for_a_new_one(tmp_path, leftover):
    Store.open(tmp_path, create=True).close()
    (tmp_path / "catalog.db").write_bytes(b"")
    Store.open(tmp_path).close()  # nothing lies beside it: it is new
    (tmp_path / "catalog.db").write_bytes(b"")
    file = tmp_path / leftover
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    with pytest.raises(CatalogError, match="is empty, but what lies beside it is not"):
        Store.open(tmp_path)


def test_a_journal_without_content_is_no_leftover(tmp_path):
    Store.open(tmp_path, create=True).close()
    for name in ("catalog.db", "catalog.db-wal"):
        (tmp_path / name).write_bytes(b"")
    with Store.open(tmp_path) as store:
        assert summarise(store).videos == 0


def test_compacting_gives_the_disk_back_what_was_deleted(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        with store.writing() as session:
            session.execute(text("CREATE TABLE large AS SELECT zeroblob(1000000) AS content"))
        with store.writing() as session:
            session.execute(text("DROP TABLE large"))
        store.compact()
        with store.reading() as session:
            assert session.execute(text("PRAGMA page_count")).scalar() < 100


def test_a_text_that_cannot_be_quoted_is_damage(tmp_path):
    with (
        pytest.raises(DamagedCatalog, match=r"it holds what is no text \(invalid start byte\)"),
        explained(tmp_path / "catalog.db"),
    ):
        b"\xff".decode()


def test_a_folder_that_may_not_be_looked_into_is_said_and_not_taken_for_empty(
    tmp_path, monkeypatch
):
    def refuse(_self: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(KinodexError, match=r"the folder '.*' may not be looked into"):
        Store.open(tmp_path, create=True)


def test_a_name_that_no_file_can_have_is_no_library(tmp_path):
    with pytest.raises(LibraryNotFound):
        Store.open(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("busy_timeout", 30_000),  # a writer waits its turn
        ("journal_mode", "wal"),  # and keeps no reader waiting
        ("synchronous", 2),  # FULL: what is committed survives a power cut
        ("foreign_keys", 1),
    ],
)
def test_every_connection_to_a_catalog_is_set_up(tmp_path, pragma, value):
    with open_database(tmp_path / "catalog.db").connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_catalog_that_is_only_read_is_waited_for_as_long(tmp_path):
    open_database(tmp_path / "catalog.db").dispose()
    with closing(connect_read_only(tmp_path / "catalog.db")) as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_the_driver_begins_no_transaction_by_itself(tmp_path):
    with open_database(tmp_path / "catalog.db").connect() as connection:
        connection.exec_driver_sql("COMMIT")  # of the one that every connection begins
        connection.exec_driver_sql("DELETE FROM videos")
        assert not connection.connection.dbapi_connection.in_transaction
