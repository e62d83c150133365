"""A library checked and mended: all that is wrong is said, and nothing sound is lost."""

import errno
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing, nullcontext
from pathlib import Path

import numpy as np
import pytest

from indexer.reading.contents import hash_content
from indexer.reading.errors import DecodeFailed
from search.catalog.database import SCHEMA
from search.catalog.soundness import Part, Problem
from search.catalog.store import Store
from search.library import Library
from search.upkeep.archive import Backup, write_backup
from search.upkeep.repairing import BEFORE_REPAIR
from tasks import upkeep
from tests.calling import call, said, shown_json

OLD = Path(__file__).parents[1] / "old_library"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of one model, with tags, sketches and a person's word, whose index is level."""
    place = tmp_path_factory.mktemp("searched") / "library"
    shutil.copytree(OLD / "library", place)
    with Library.open(place) as opened:
        assert opened.search("a ball")
    return place


@pytest.fixture
def library(searched: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return Path(shutil.copytree(searched, tmp_path / "library"))


def change(library: Path, *statements: str) -> None:
    with closing(sqlite3.connect(library / "catalog.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)


def rows(library: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        return connection.execute(query).fetchall()


def wrong(capsys: pytest.CaptureFixture[str], library: Path, *more: str, code: int) -> list[str]:
    return [one["part"] for one in verified(capsys, library, *more, code=code)["problems"]]


def verified(capsys: pytest.CaptureFixture[str], library: Path, *more: str, code: int) -> dict:
    return shown_json(capsys, "verify", "-l", library, *more, code=code)


NAN = np.full(64, np.nan, np.float16).tobytes().hex()
DAMAGES = {
    "an embedding of no number": (
        "encoded",
        f"UPDATE segment_embeddings SET embedding = x'{NAN}' WHERE segment_id = 1",
    ),
    "an embedding cut short": (
        "encoded",
        "UPDATE segment_embeddings SET embedding = substr(embedding, 1, 9) WHERE segment_id = 2",
    ),
    "a frame that is not there": (
        "encoded",
        "UPDATE segment_frames SET unique_index = zeroblob(6) WHERE segment_id = 1",
    ),
    "no frames": ("encoded", "DELETE FROM segment_frames WHERE segment_id = 1"),
    "a time before its video": ("encoded", "UPDATE segments SET keyframe_s = -5 WHERE id = 3"),
    "a time that is a word": ("encoded", "UPDATE segments SET end_s = 'later' WHERE id = 3"),
    "a state that is none": ("paths", "UPDATE paths SET status = 'indexee' WHERE id = 1"),
    "a size that is a word": ("paths", "UPDATE paths SET size_bytes = x'00ff' WHERE id = 1"),
    "a date that is none": ("paths", "UPDATE paths SET tried_at = '2026-99-99' WHERE id = 1"),
    "a path to a video that is gone": ("references", "UPDATE paths SET video_id = 99 WHERE id = 1"),
    "a tag of a segment that is gone": ("references", "UPDATE tags SET segment_id = segment_id+90"),
    "a probability above one": ("made", "UPDATE tags SET probability = 7"),
    "a sketch of half a stroke": (
        "made",
        "UPDATE sketches SET points = substr(points, 1, 40) WHERE segment_id = 1",
    ),
}


def test_a_sound_library_is_called_so(library, capsys):
    assert verified(capsys, library, "--content", code=0) == {"problems": [], "mended": []}
    assert call("verify", "-l", library) == 0
    assert said(capsys).endswith("nothing is wrong with the library")


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_in_a_row_is_said_mended_and_then_gone(library, capsys, name):
    part, statement = DAMAGES[name]
    change(library, statement)
    said = rows(library, "SELECT * FROM corrections")
    kept = rows(library, "SELECT count(*) FROM videos")
    found = verified(capsys, library, code=1)
    assert {one["part"] for one in found["problems"]} == {part}
    assert all(one["remedy"] for one in found["problems"])
    mended = verified(capsys, library, "--repair", code=0)
    assert mended["mended"]
    assert wrong(capsys, library, code=0) == []
    assert rows(library, "SELECT * FROM corrections") == said
    assert rows(library, "SELECT count(*) FROM videos") == kept
    assert call("search", "--tag", "growing", "-l", library) == 0
    with closing(sqlite3.connect(library / BEFORE_REPAIR)) as before:
        assert before.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_video_whose_embedding_was_damaged_is_indexed_again(library, capsys):
    assert call("index", OLD / "videos", "-l", library) == 3  # the paths are ours now
    change(library, f"UPDATE segment_embeddings SET embedding = x'{NAN}' WHERE segment_id = 1")
    assert call("verify", "--repair", "-l", library) == 0
    assert f"2 things wrong, 2 mended (the catalog as it was: {BEFORE_REPAIR})" in said(capsys)
    report = shown_json(capsys, "index", OLD / "videos", "-l", library, code=3)
    assert (report["encoded"], report["unchanged"]) == (1, 5)
    assert wrong(capsys, library, code=0) == []


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("DROP TABLE corrections", "tables"),
        ("ALTER TABLE segments DROP COLUMN end_s", "tables"),
        ("UPDATE spaces SET preprocessing = '{\"'", "values"),
        ("UPDATE corrections SET said_at = 'yesterday'", "values"),
    ],
)
def test_what_cannot_be_mended_is_left_alone_and_a_backup_recommended(
    library, capsys, statement, part
):
    change(library, statement)
    before = (library / "catalog.db").read_bytes()
    found = verified(capsys, library, "--repair", code=1)
    assert {(one["part"], one["remedy"]) for one in found["problems"]} == {(part, None)}
    assert (library / "catalog.db").read_bytes() == before
    assert call("verify", "-l", library) == 1
    assert "only a backup helps: 'kinodex restore'" in capsys.readouterr().out


def test_damaged_pages_are_told_by_line_and_the_file_left_alone(library, capsys):
    content = bytearray((library / "catalog.db").read_bytes())
    content[4096 * 8 : 4096 * 12] = bytes(4096 * 4)
    (library / "catalog.db").write_bytes(content)
    assert set(wrong(capsys, library, "--repair", code=1)) <= {"pages", "tables", "lookup"}
    assert (library / "catalog.db").read_bytes() == bytes(content)


def test_an_index_of_sqlites_own_is_made_again(library, capsys):
    change(
        library,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_paths_status ON paths (path)' "
        "WHERE name = 'ix_paths_status'",
        "PRAGMA writable_schema = RESET",
    )
    assert set(wrong(capsys, library, "--repair", code=0)) == {"lookup"}
    assert wrong(capsys, library, code=0) == []


def test_vectors_that_are_not_the_catalogs_are_built_again(library, capsys):
    [manifest] = (library / "vectors").glob("*/manifest.json")
    values = json.loads(manifest.read_text())
    for name in ("stray", "other"):
        shutil.copytree(manifest.parent, library / "vectors" / name)
    (manifest.parent / values["file"]).write_bytes(b"")
    assert wrong(capsys, library, code=1) == ["vectors"]
    assert wrong(capsys, library, "--repair", code=0) == ["vectors"]
    assert wrong(capsys, library, code=0) == []
    assert list((library / "vectors").iterdir()) == []  # so small a library needs none


def test_an_index_of_the_same_number_of_other_segments_is_found(library, capsys):
    change(
        library,
        "UPDATE segment_embeddings AS one SET embedding = (SELECT embedding FROM "
        "segment_embeddings WHERE segment_id = 2 AND space_id = one.space_id) WHERE segment_id = 1",
    )
    found = verified(capsys, library, "--repair", code=0)["problems"]
    assert [one["what"].split(": ")[1] for one in found] == [
        "its vector of segment 1 is not the catalog's"
    ]
    assert wrong(capsys, library, code=0) == []


def test_pictures_that_are_damaged_or_of_nothing_are_removed_and_all_others_stay(library, capsys):
    keyframes = library / "media" / "keyframes" / "0"
    kept = sorted(keyframes.iterdir())
    shutil.copy(kept[0], keyframes / "4711.jpg")
    (keyframes / "1.jpg").write_bytes(kept[0].read_bytes()[:300])
    (library / "media" / "sketches" / "0" / "2.svg").write_text("<svg>")
    assert wrong(capsys, library, "--repair", code=0) == ["media"] * 2
    assert sorted(keyframes.iterdir()) == kept[1:]


def test_a_video_with_other_bytes_at_the_same_size_and_time_is_found_by_reading(
    library, tmp_path, capsys
):
    videos = Path(shutil.copytree(OLD / "videos", tmp_path / "videos"))
    assert call("index", videos, "-l", library) == 3
    clip = videos / "clip-002.mp4"
    before = clip.stat()
    content = bytearray(clip.read_bytes())
    content[-1] ^= 1
    clip.write_bytes(content)
    import os

    os.utime(clip, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert wrong(capsys, library, code=0) == []
    assert wrong(capsys, library, "--content", "--repair", code=0) == ["content"]
    report = shown_json(capsys, "index", videos, "-l", library, code=3)
    assert report["encoded"] + report["failed"] == 1


def test_a_library_that_is_open_to_others_is_shut_when_somebody_asks(library, capsys):
    library.chmod(0o755)
    assert call("verify", "-l", library) == 0
    assert "open to more than 'group' says: --repair shuts them" in capsys.readouterr().err
    assert call("verify", "--repair", "-l", library) == 0
    assert library.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o077 for file in library.rglob("*")} == {0}


def test_an_unforeseen_error_on_a_damaged_library_names_the_damage(library, capsys):
    change(library, "UPDATE spaces SET preprocessing = '{\"'")
    assert call("status", "-l", library) == 1
    said = capsys.readouterr().err
    assert "'kinodex verify' tells what is wrong" in said
    assert "Traceback" not in said


def test_an_unforeseen_error_on_a_sound_library_stays_what_it_is(library):
    with pytest.raises(ZeroDivisionError), Store.open(library):
        raise ZeroDivisionError


REMEDIED, HOPELESS = (
    Problem(Part.VALUES, "a \x1b", "it is taken out"),
    Problem(Part.PAGES, "the file is torn"),
)


def test_each_problem_is_a_line_with_its_remedy(capsys):
    upkeep._print([REMEDIED, HOPELESS], mended=False)
    assert capsys.readouterr().out.splitlines() == [
        "values\ta \\x1b\t--repair: it is taken out",
        "pages\tthe file is torn\tonly a backup helps: 'kinodex restore'",
    ]
    upkeep._print([REMEDIED], mended=True)
    assert capsys.readouterr().out == "values\ta \\x1b\tmended: it is taken out\n"


def test_what_is_harmless_is_counted(capsys):
    access, leftover = Problem(Part.ACCESS, "a"), Problem(Part.LEFTOVER, "b")
    upkeep._say_harmless([access, leftover, leftover, REMEDIED], mended=False)
    assert said(capsys) == (
        "1 part of the library open to more than 'group' says: --repair shuts them "
        "2 files that nothing needs any more: --repair removes them"
    )
    upkeep._say_harmless([access, leftover], mended=True)
    assert said(capsys) == (
        "1 part of the library open to more than 'group' says: were shut "
        "1 file that nothing needs any more: were removed"
    )
    upkeep._say_harmless([REMEDIED], mended=True)
    assert said(capsys) == ""


@pytest.mark.parametrize(
    ("wrong", "mended", "left", "told"),
    [
        (0, 0, [], "nothing is wrong with the library"),
        (1, 0, [HOPELESS], "1 thing wrong"),
        (2, 0, [HOPELESS, REMEDIED],
         "2 things wrong, 'kinodex verify --repair' mends what can be"),
        (2, 1, [REMEDIED],
         f"2 things wrong, 1 mended (the catalog as it was: {BEFORE_REPAIR})"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_summed_up(wrong, mended, left, told, capsys):
    upkeep._summarise(wrong, mended, left)
    assert said(capsys) == told


def checked(path: Path, *, size: int = 0, age: int = 0, digest: str = "", stop: bool = False):
    status = path.stat()
    stopped = threading.Event()
    if stop:
        stopped.set()
    known = status.st_size + size, status.st_mtime_ns + age
    return upkeep._wrong_content(path, known, digest, stopped)


def test_only_files_that_are_as_they_were_are_held_to_their_digest(tmp_path, monkeypatch):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"film")
    other = "has other bytes than it had, at the same size and time"
    assert checked(file, digest=hash_content(file)) is None
    assert checked(file) == other
    assert (checked(file, size=1), checked(file, age=1)) == (None, None)
    assert checked(file, stop=True) is None
    gone = tmp_path / "gone.mp4"
    assert upkeep._wrong_content(gone, (4, 0), "", threading.Event()) is None

    def refused(_path: Path, **_: object) -> str:
        raise DecodeFailed("read", "it cannot be read (Input/output error)")

    monkeypatch.setattr(upkeep, "hash_content", refused)
    assert checked(file) == "cannot be read: it cannot be read (Input/output error)"


def test_what_a_backup_holds_and_what_was_uploaded_is_counted(library):
    counts = {"videos": 1, "segments": 3, "corrections": 0}
    assert upkeep._held(Backup(1, "a", "2024", counts)) == "1 video, 3 segments, 0 corrections"
    with Store.open(library) as opened:
        assert upkeep._uploaded(opened) == 0
        (opened.folder / "uploads" / "a").mkdir(parents=True)
        (opened.folder / "uploads" / "a" / "b.mp4").touch()
        assert upkeep._uploaded(opened) == 1


def test_a_backup_is_told_of_when_it_is_made_and_when_it_comes_back(library, tmp_path, capsys):
    (library / "uploads").mkdir()
    (library / "uploads" / "a.mp4").touch()
    file, new = tmp_path / "backup.tar", tmp_path / "new"
    held = "6 videos, 6 segments, 1 correction"
    assert call("backup", file, "-l", library) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (
        "",
        f"{held} in {file} ({file.stat().st_size / 1e6:.1f} MB)\n"
        "1 uploaded video in the library's folder: back them up as files\n",
    )
    assert call("restore", file, "-l", new) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{held} restored to {new}, as of 20")
    assert call("backup", file, "-l", new) == 0
    assert "uploaded" not in said(capsys)
    made = shown_json(capsys, "backup", file, "-l", new)
    assert (made["file"], made["size_bytes"]) == (str(file), file.stat().st_size)
    assert made["counts"]["videos"] == 6
    restored = shown_json(capsys, "restore", file, "-l", new, "--replace")
    assert (restored["library"], restored["counts"]) == (str(new), made["counts"])


def test_what_cannot_be_written_is_one_sentence(library, tmp_path, capsys, monkeypatch):
    nowhere = tmp_path / "nowhere" / "backup.tar"
    assert call("backup", nowhere, "-l", library) == 1
    assert f"the backup '{nowhere}' cannot be written: No such file" in said(capsys)

    def fail(*_: object, **__: object) -> Backup:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(upkeep, "restore_backup", fail)
    assert call("restore", tmp_path / "backup.tar", "-l", library) == 1
    assert f"the library in '{library}' cannot be written: No space left" in said(capsys)


def test_an_older_catalog_is_brought_up_to_date_when_it_is_restored(tmp_path):
    with Store.open(shutil.copytree(OLD / "library", tmp_path / "library")) as opened:
        write_backup(opened, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}
    old = (OLD / "library" / "catalog.db").read_bytes()
    digests = json.loads(members["digests.json"])
    digests["catalog.db"] = hashlib.blake2b(old, digest_size=32).hexdigest()
    members |= {"catalog.db": old, "digests.json": json.dumps(digests).encode()}
    with tarfile.open(tmp_path / "backup.tar", "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert call("restore", tmp_path / "backup.tar", "-l", tmp_path / "new") == 0
    assert rows(tmp_path / "new", "SELECT version_num FROM alembic_version") == [(SCHEMA,)]


def test_reading_videos_that_is_interrupted_ends_as_such(library, capsys, monkeypatch):
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(upkeep, "stop_on_interrupt", lambda: nullcontext(stopped))
    monkeypatch.setattr(upkeep, "_wrong_content", None)  # nothing is read any more
    assert call("verify", "--content", "-l", library) == 130
