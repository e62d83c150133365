"""A backup holds a library as it was at one moment, and comes back whole or not at all."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from models.errors import KinodexError
from search.catalog.database import SCHEMA, DamagedCatalog
from search.catalog.lock import LibraryBusy, only_indexer
from search.catalog.read_only import ReadOnlyLibrary
from search.catalog.store import Store
from search.upkeep.archive import BackupUnusable, restore_backup, write_backup

OLD_LIBRARY = Path(__file__).parents[2] / "old_library" / "library"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD_LIBRARY, tmp_path / "library"))


@pytest.fixture
def backup(library: Path, tmp_path: Path) -> Path:
    with Store.open(library) as store:
        write_backup(store, tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def dump(library: Path) -> list[str]:
    """All that is in a catalog, as text."""
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        return list(connection.iterdump())


def test_a_library_comes_back_row_by_row(library, backup, tmp_path):
    about = restore_backup(backup, tmp_path / "new")
    assert dump(tmp_path / "new") == dump(library)
    assert (about.counts["videos"], about.counts["corrections"]) == (6, 1)
    assert (tmp_path / "new" / "library.toml").read_bytes() == (
        library / "library.toml"
    ).read_bytes()
    modes = {file.stat().st_mode & 0o077 for file in [tmp_path / "new", *tmp_path.glob("new/**/*")]}
    assert modes == {0}
    assert backup.stat().st_mode & 0o077 == 0


def test_a_backup_says_what_it_is_and_what_it_holds(library, backup):
    with tarfile.open(backup) as tar:
        names = tar.getnames()
        assert {member.mode for member in tar} == {0o600}
        content = {name: tar.extractfile(name).read() for name in names}
    assert names == ["kinodex.json", "catalog.db", "library.toml", "digests.json"]
    about = json.loads(content["kinodex.json"])
    assert (about["format"], about["schema"]) == (1, SCHEMA)
    assert about["counts"] == {
        "videos": 6,
        "paths": 7,
        "segments": 6,
        "segment_embeddings": 12,
        "sketches": 6,
        "tags": 10,
        "corrections": 1,
    }
    # Backups of every version have these digests.
    assert json.loads(content["digests.json"]) == {
        name: hashlib.blake2b(content[name], digest_size=32).hexdigest()
        for name in ("catalog.db", "library.toml")
    }


def test_pictures_and_lists_of_labels_come_with_it(library, tmp_path):
    (library / "vocabularies").mkdir()
    (library / "vocabularies" / "mine.txt").write_text("a dance\n")
    with Store.open(library) as store:
        write_backup(store, tmp_path / "backup.tar", media=True)
    restore_backup(tmp_path / "backup.tar", tmp_path / "new")
    for part in ("media", "vocabularies"):
        kept = sorted(file.relative_to(library) for file in (library / part).rglob("*.*"))
        assert kept
        assert all((tmp_path / "new" / one).is_file() for one in kept)


def test_a_trained_head_comes_with_it_and_is_found_where_its_file_is_gone(library, tmp_path):
    head = tmp_path / "head.safetensors"
    head.write_bytes(b"weights")
    head.with_suffix(".json").write_text("{}")
    with closing(sqlite3.connect(library / "catalog.db")) as connection, connection:
        connection.execute("UPDATE spaces SET head_file = ?", (os.fsencode(head),))
    with Store.open(library) as store:
        write_backup(store, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "there")
    head.unlink()
    restore_backup(tmp_path / "backup.tar", tmp_path / "gone")
    with closing(sqlite3.connect(tmp_path / "there" / "catalog.db")) as connection:
        assert connection.execute("SELECT head_file FROM spaces").fetchone() == (os.fsencode(head),)
    with closing(sqlite3.connect(tmp_path / "gone" / "catalog.db")) as connection:
        found = Path(os.fsdecode(connection.execute("SELECT head_file FROM spaces").fetchone()[0]))
    assert found.read_bytes() == b"weights"
    assert found.with_suffix(".json").is_file()


def test_a_library_that_is_there_is_not_replaced_unless_somebody_says_so(library, backup):
    with closing(sqlite3.connect(library / "catalog.db")) as connection, connection:
        connection.execute("DELETE FROM corrections")
    before = dump(library)
    with pytest.raises(KinodexError, match="'--replace' moves it aside"):
        restore_backup(backup, library)
    assert dump(library) == before
    restore_backup(backup, library, replace=True)
    assert dump(library) != before
    [aside] = library.glob("replaced-*")
    assert dump(aside) == before
    assert (aside / "media" / "keyframes").is_dir()  # of other rows than those of the backup


def test_there_is_a_library_at_any_moment_while_another_takes_its_place(
    library, backup, monkeypatch
):
    before, real = dump(library), Path.replace

    def stopped(self: Path, target: Path) -> Path:
        if target == library / "catalog.db":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(backup, library, replace=True)
    assert dump(library) == before
    assert (library / "library.toml").is_file()  # all else is in its place before


def test_what_is_not_there_is_no_backup(tmp_path):
    for place in (tmp_path / "gone.tar", tmp_path):
        with pytest.raises(BackupUnusable, match="there is no file"):
            restore_backup(place, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_folders_among_the_lists_of_labels_are_left_out(library, tmp_path):
    (library / "vocabularies" / "old").mkdir(parents=True)
    (library / "vocabularies" / "mine.txt").write_text("a dance\n")
    with Store.open(library) as store:
        write_backup(store, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "new")
    assert [one.name for one in (tmp_path / "new" / "vocabularies").iterdir()] == ["mine.txt"]


def test_nothing_is_restored_under_the_hands_of_somebody_who_indexes(library, backup):
    before = dump(library)
    with only_indexer(library), pytest.raises(LibraryBusy):
        restore_backup(backup, library, replace=True)
    assert dump(library) == before
    assert list(library.glob(".restoring-*")) == []


def test_a_damaged_catalog_takes_no_good_backups_place(library, backup):
    good = backup.read_bytes()
    content = bytearray((library / "catalog.db").read_bytes())
    content[4096 * 8 : 4096 * 12] = bytes(4096 * 4)
    (library / "catalog.db").write_bytes(content)
    with pytest.raises(DamagedCatalog), Store.open(library) as store:
        write_backup(store, backup)
    assert backup.read_bytes() == good


def with_a_damaged_lookup(catalog: Path) -> None:
    """Spoil pages that nobody reads who only opens the catalog."""
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [root] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_paths_video_id'"
        ).fetchone()
    content = bytearray(catalog.read_bytes())
    content[4096 * (root - 1) : 4096 * root] = b"\x05" * 4096
    catalog.write_bytes(content)


def test_damage_that_only_a_look_at_all_pages_finds_is_not_backed_up(library, backup):
    good = backup.read_bytes()
    with_a_damaged_lookup(library / "catalog.db")
    with Store.open(library) as store, pytest.raises(DamagedCatalog):
        write_backup(store, backup)
    assert backup.read_bytes() == good


def test_a_damaged_catalog_is_aside_before_another_comes(library, backup, monkeypatch):
    (library / "catalog.db").write_bytes(b"no catalog" * 1000)

    def stopped(self: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(backup, library, replace=True)
    [aside] = library.glob("replaced-*")
    assert (aside / "catalog.db").read_bytes() == b"no catalog" * 1000
    assert not (library / "catalog.db").exists()


@pytest.mark.parametrize("content", [b"", b"no catalog" * 1000])
def test_the_journal_of_what_is_no_database_goes_aside_with_it(library, backup, content):
    (library / "catalog.db").write_bytes(content)
    journal = b"what was written last" * 1000
    (library / "catalog.db-wal").write_bytes(journal)
    restore_backup(backup, library, replace=True)
    [aside] = library.glob("replaced-*")
    assert (aside / "catalog.db").read_bytes() == content
    assert (aside / "catalog.db-wal").read_bytes() == journal
    assert not (library / "catalog.db-wal").exists()


def test_what_was_there_is_kept_where_the_disk_knows_no_links(library, backup, monkeypatch):
    before = dump(library)

    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    restore_backup(backup, library, replace=True)
    [aside] = library.glob("replaced-*")
    assert dump(aside) == before


def test_a_disk_without_room_for_a_backup_is_said_before_it_is_full(backup, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=backup.stat().st_size // 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    with pytest.raises(BackupUnusable, match=r"the disk has no room for what .* holds"):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_restored_where_nothing_may_be_written(backup, tmp_path, monkeypatch):
    monkeypatch.setattr("search.upkeep.archive.may_write", lambda _catalog: False)
    with pytest.raises(ReadOnlyLibrary):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_file_of_another_kind_is_not_written_over(library, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"a film")
    with Store.open(library) as store, pytest.raises(BackupUnusable, match="no backup"):
        write_backup(store, tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == b"a film"


def rewritten(backup: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with tarfile.open(backup) as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}
    change(members)
    with tarfile.open(backup, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/tmp/kinodex-outside",
        "media/../../outside",
        "vocabularies/../../outside",
        "uploads/film.mp4",
        "vocabularies/..",
        "indexing.lock",
    ],
)
def test_nothing_is_ever_written_outside_or_under_another_name(backup, tmp_path, name):
    rewritten(backup, lambda members: members.update({name: b"x"}))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BackupUnusable):
        restore_backup(backup, tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before
    assert not Path("/tmp/kinodex-outside").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_nothing_but_regular_files_is_taken_from_a_backup(backup, tmp_path, kind):
    with tarfile.open(backup, "a") as tar:
        member = tarfile.TarInfo("vocabularies/link.txt")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(BackupUnusable, match="more than files"):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def other_bytes(members: dict[str, bytes]) -> None:
    members["library.toml"] += b"\n# more"


def other_count(members: dict[str, bytes]) -> None:
    about = json.loads(members["kinodex.json"])
    about["counts"]["videos"] += 1
    members["kinodex.json"] = json.dumps(about).encode()


def newer(members: dict[str, bytes]) -> None:
    about = json.loads(members["kinodex.json"])
    members["kinodex.json"] = json.dumps(about | {"schema": "9999"}).encode()


def no_catalog(members: dict[str, bytes]) -> None:
    del members["catalog.db"]


def with_its_digest(members: dict[str, bytes]) -> None:
    digests = json.loads(members["digests.json"])
    digests["catalog.db"] = hashlib.blake2b(members["catalog.db"], digest_size=32).hexdigest()
    members["digests.json"] = json.dumps(digests).encode()


def other_file(members: dict[str, bytes]) -> None:
    members["catalog.db"] = b"no catalog" * 1000
    with_its_digest(members)


def zero_pages(members: dict[str, bytes]) -> None:
    content = members["catalog.db"]
    members["catalog.db"] = content[:-8192] + bytes(8192)
    with_its_digest(members)


def nested(members: dict[str, bytes]) -> None:
    members["digests.json"] = b"[" * 100_000


@pytest.mark.parametrize(
    "change", [other_bytes, other_count, newer, no_catalog, other_file, zero_pages, nested]
)
def test_a_backup_that_is_not_as_it_was_made_is_refused_as_a_whole(backup, tmp_path, change):
    rewritten(backup, change)
    with pytest.raises(BackupUnusable):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_refused_as_a_whole(backup, tmp_path, part):
    size = backup.stat().st_size
    # The last ten kilobytes of a tar file are padding.
    os.truncate(backup, int((size - 10_240) * part))
    with pytest.raises(BackupUnusable):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


WRITER = """
import sys
from search.catalog.store import Store
from search.catalog.tag_tables import Correction
with Store.open(sys.argv[1]) as library:
    number = 0
    while True:
        number += 1
        with library.writing() as session:  # two rows in each transaction, never one
            for label in ("a", "b"):
                session.add(Correction(content_hash=f"{number:040x}", start_s=0, end_s=1,
                                       label=label, holds=True))
        print(number, flush=True)
"""


def test_a_backup_under_load_is_of_one_moment(library, tmp_path):
    command = [sys.executable, "-c", WRITER, library]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number in range(3):
            written = int(process.stdout.readline())
            with Store.open(library) as store:
                about = write_backup(store, tmp_path / "backup.tar")
            restore_backup(tmp_path / "backup.tar", tmp_path / str(number))
            assert about.counts["corrections"] >= 1 + 2 * written
            assert about.counts["corrections"] % 2 == 1
        process.kill()
