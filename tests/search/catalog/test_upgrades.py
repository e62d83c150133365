"""A library of every released schema opens, keeps what it holds, and answers."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

import search.catalog.database
from search.catalog.database import SCHEMA, CatalogError, DamagedCatalog
from search.catalog.store import Store
from search.library import Library
from tests.calling import call

OLD = Path(__file__).parents[2] / "old_library" / "library"
VERSIONS = sorted(search.catalog.database._known_versions())


def library_of(version: str, place: Path) -> Path:
    """A library with the tables of a released schema, and what fits into them of a real one."""
    shutil.copytree(OLD, place)
    (place / "catalog.db").unlink()
    engine = search.catalog.database._writing_engine(place / "catalog.db")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(search.catalog.database._MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()
    with closing(sqlite3.connect(place / "catalog.db", isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS old", (str(OLD / "catalog.db"),))
        for table in columns(connection, "main", "SELECT name FROM {}.sqlite_master"):
            shared = columns(connection, "main", f"SELECT name FROM pragma_table_info('{table}')")
            own = "SELECT name FROM pragma_table_info('{}', 'old')"
            shared &= columns(connection, "old", own.format(table))
            if shared and table not in ("alembic_version", "sqlite_sequence"):
                names = ", ".join(f'"{name}"' for name in sorted(shared))
                connection.execute(
                    f"INSERT INTO main.{table} ({names}) SELECT {names} FROM old.{table}"
                )
    return place


def columns(connection: sqlite3.Connection, schema: str, query: str) -> set[str]:
    return {name for (name,) in connection.execute(query.format(schema))}


def count(catalog: Path, table: str) -> int:
    with closing(sqlite3.connect(catalog)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_opens_answers_and_is_sound(tmp_path, version, capsys):
    place = library_of(version, tmp_path / "library")
    with Library.open(place) as library:
        hits = library.search("a ball", k=3)
    assert len(hits) == 3
    assert call("verify", "-l", place) == 0, capsys.readouterr().out
    assert count(place / "catalog.db", "segment_frames") == 6


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_the_catalog_is_kept_as_the_older_program_left_it(tmp_path, version):
    place = library_of(version, tmp_path / "library")
    Store.open(place).close()
    kept = place / f"catalog-{version}.db"
    with closing(sqlite3.connect(kept)) as connection:
        [noted] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert noted == version
    assert count(kept, "videos") == 6
    assert kept.stat().st_mode & 0o777 == (place / "catalog.db").stat().st_mode & 0o777


@pytest.mark.parametrize(("lacking_bytes", "copies"), [(0, 1), (1, 0)])
def test_a_disk_without_room_for_two_copies_keeps_nobody_from_their_library(
    tmp_path, monkeypatch, lacking_bytes, copies
):
    place = library_of("0003", tmp_path / "library")
    free = 2 * (place / "catalog.db").stat().st_size - lacking_bytes
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(search.catalog.database.shutil, "disk_usage", lambda _place: usage)
    Store.open(place).close()
    assert len(list(place.glob("catalog-*.db"))) == copies
    assert count(place / "catalog.db", "videos") == 6


def test_a_damaged_older_catalog_is_not_migrated(tmp_path):
    place = library_of("0003", tmp_path / "library")
    content = bytearray((place / "catalog.db").read_bytes())
    for page in range(12, 20):
        content[4096 * page : 4096 * page + 300] = b"\x07" * 300
    (place / "catalog.db").write_bytes(content)
    with pytest.raises(DamagedCatalog, match="'kinodex restore' brings a backup back"):
        Store.open(place)
    assert (place / "catalog.db").read_bytes() == bytes(content)


@pytest.mark.parametrize("version", ["", "4", "000", "x", "0004x", "0000", None, b"\x00\xff"])
def test_a_catalog_that_does_not_say_what_it_is_is_a_sentence(tmp_path, version):
    place = library_of(SCHEMA, tmp_path / "library")
    with closing(sqlite3.connect(place / "catalog.db", isolation_level=None)) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    with pytest.raises(CatalogError):
        Store.open(place)


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
def test_tables_without_a_version_are_not_taken_for_a_new_library(tmp_path, statement):
    place = library_of(SCHEMA, tmp_path / "library")
    with closing(sqlite3.connect(place / "catalog.db", isolation_level=None)) as connection:
        connection.execute(statement)
    with pytest.raises(DamagedCatalog, match="does not say which version made it"):
        Store.open(place, create=True)
    assert count(place / "catalog.db", "videos") == 6


def test_an_emptied_catalog_beside_a_librarys_pictures_is_not_begun_anew(tmp_path):
    place = Path(shutil.copytree(OLD, tmp_path / "library"))
    (place / "catalog.db").write_bytes(b"")
    with pytest.raises(CatalogError, match="something has emptied it"):
        Store.open(place, create=True)
    assert (place / "catalog.db").read_bytes() == b""
    for part in ("media", "vectors"):
        shutil.rmtree(place / part)
    Store.open(place, create=True).close()  # as a library that was killed while it was made
    assert count(place / "catalog.db", "videos") == 0


def test_nothing_is_indexed_into_a_damaged_catalog(tmp_path, capsys):
    place = library_of(SCHEMA, tmp_path / "library")
    with closing(sqlite3.connect(place / "catalog.db")) as connection:
        [root] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_paths_video_id'"
        ).fetchone()
    content = bytearray((place / "catalog.db").read_bytes())
    content[4096 * (root - 1) : 4096 * root] = b"\x05" * 4096
    (place / "catalog.db").write_bytes(content)
    with Store.open(place) as library, pytest.raises(DamagedCatalog):
        library.require_sound()
    assert call("index", tmp_path, "-l", place) == 1
    assert "'kinodex restore' brings a backup back" in capsys.readouterr().err
    assert (place / "catalog.db").read_bytes() == bytes(content)


def test_tables_that_are_not_those_of_their_version_are_damage(tmp_path):
    place = library_of(SCHEMA, tmp_path / "library")
    with closing(sqlite3.connect(place / "catalog.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(DamagedCatalog, match=r"already exists|duplicate column"):
        Store.open(place)
