"""A library that may only be read answers, stays as it is, and says so to whoever writes."""

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from search.catalog.read_only import connect_read_only, may_write
from search.catalog.store import Store

OLD_LIBRARY = Path(__file__).parents[2] / "old_library" / "library"
LIBRARY_PY = """
import json, sys
from search.catalog.store import Store
from search.catalog.tables import Segment
with Store.open(sys.argv[1]) as library, library.reading() as session:
    print(json.dumps([library.may_write, session.query(Segment).count()]))
"""
COMMANDS_PY = """
import contextlib, io, json, shlex, sys
from tests.calling import call
done = []
for command in sys.argv[2:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = call(*shlex.split(command), "-l", sys.argv[1])
    done.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(done))
"""


def bound_by_modes() -> None:
    """Take from root, before a program starts, what lets it write where no one may."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def shut(library: Path) -> None:
    for place in [library, *library.rglob("*")]:
        place.chmod(0o555 if place.is_dir() else 0o444)


def opened(library: Path) -> list | str:
    """Whether a program may write to a library and how many segments it sees, or what it says."""
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY_PY, library],
        capture_output=True,
        text=True,
        preexec_fn=bound_by_modes,
        check=False,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def called(library: Path, *commands: str) -> list[tuple[int, str, str]]:
    """What becomes of commands on a library, one after another in one process."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS_PY, library, *commands],
        capture_output=True,
        text=True,
        preexec_fn=bound_by_modes,
        check=True,
    )
    return [tuple(one) for one in json.loads(done.stdout)]


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(file.relative_to(folder)): (file.stat().st_size, file.stat().st_mtime_ns)
        for file in folder.rglob("*")
    }


@pytest.fixture
def library() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copytree(OLD_LIBRARY, Path(folder) / "what? 100%23"))
        Store.open(place).close()  # an older catalog is brought up to date
        yield place
        for one in [place, *place.rglob("*")]:
            one.chmod(0o755)


def test_it_is_searched_and_nothing_of_it_is_touched(library):
    shut(library)
    before = state(library)
    [searched, counted] = called(library, "search --tag growing", "status")
    assert searched[0] == counted[0] == 0
    assert "growing" in searched[1]
    assert "6" in counted[1]
    assert state(library) == before


def test_what_must_write_says_so_in_one_sentence(library):
    shut(library)
    before = state(library)
    commands = ["remove /videos", "tag --correct 1 'a dance'", "sketch", "sketch 1"]
    commands += ["index .", "tag", "fuse --head meanP", "failed --retry"]
    for command, (code, found, said) in zip(commands, called(library, *commands), strict=True):
        assert (code, found) == (1, ""), command
        assert "may only be read" in said, command
        assert said.count("\n") == 1, command
    assert state(library) == before


def test_what_its_owner_writes_meanwhile_is_seen(library):
    with Store.open(library) as owner, owner.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM segments WHERE id = 1")
        session.flush()
        shut(library)
        assert opened(library) == [False, 6]
        session.commit()
        assert opened(library) == [False, 5]


def test_changes_that_a_killed_program_left_are_seen(library):
    leave_changes(library)
    shut(library)
    assert opened(library) == [False, 5]


def test_changes_that_cannot_be_read_are_a_sentence_and_not_an_old_state(library):
    leave_changes(library)
    (library / "catalog.db-shm").unlink()
    shut(library)
    assert "its last changes lie in 'catalog.db-wal'" in str(opened(library))


def test_one_session_sees_the_file_that_another_program_has_changed_since_the_last(library):
    with closing(connect_read_only(library / "catalog.db")) as connection:
        assert connection.execute("SELECT count(*) FROM segments").fetchone() == (6,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM segments")
    leave_changes(library)
    with closing(connect_read_only(library / "catalog.db")) as connection:
        assert connection.execute("SELECT count(*) FROM segments").fetchone() == (5,)


def test_an_older_catalog_is_not_migrated_and_says_so(library):
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
        connection.commit()
    shut(library)
    assert "made by an older Kinodex and may only be read here" in str(opened(library))


def test_a_folder_that_is_not_there_yet_can_be_written_where_its_parent_can(tmp_path):
    assert may_write(tmp_path / "a" / "b" / "catalog.db")


def leave_changes(library: Path) -> None:
    """Delete a segment in a process that is killed before SQLite tidies up after it."""
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('DELETE FROM segments WHERE id = 1')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, library / "catalog.db"], check=False)
    assert (library / "catalog.db-wal").stat().st_size > 0


MEDIA_PY = """
import json, sys
from indexer.keyframes import ensure_keyframe
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from search.catalog.store import Store
from tasks.clips.playing import ensure_clip, find_place
with Store.open(sys.argv[1]) as library, DecodeWorker() as worker:
    settings = IndexSettings()
    place = find_place(library, 1)
    picture = ensure_keyframe(library, 1, settings=settings, worker=worker)
    clip = ensure_clip(library, place, 0.5, settings=settings).file
    print(json.dumps([[str(file), file.stat().st_size] for file in (picture, clip)]))
"""


def test_what_it_lacks_for_the_page_is_made_outside_of_it(library):
    videos = OLD_LIBRARY.parent / "videos"
    with closing(sqlite3.connect(library / "catalog.db")) as connection, connection:
        for number, path in connection.execute("SELECT id, path FROM paths").fetchall():
            here = os.fsencode(videos / Path(os.fsdecode(path)).name)
            connection.execute("UPDATE paths SET path = ? WHERE id = ?", (here, number))
    shutil.rmtree(library / "media")
    shut(library)
    before = state(library)
    done = subprocess.run(
        [sys.executable, "-c", MEDIA_PY, library],
        capture_output=True,
        text=True,
        preexec_fn=bound_by_modes,
        check=True,
    )
    for file, size_bytes in json.loads(done.stdout):
        assert size_bytes > 1000
        assert not Path(file).is_relative_to(library)
        assert not Path(file).exists()  # gone with the process
    assert state(library) == before
