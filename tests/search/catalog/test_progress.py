"""How far a run is, as others can read it."""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from search.catalog import progress
from search.catalog.lock import INDEXING, SKETCHING, only_indexer
from search.catalog.progress import Progress, ProgressNotes, read_progress, running_works

HALF = Progress("indexing", 0.5, 3, 6, "files", 10.0, 1)


@pytest.mark.parametrize(
    ("fraction", "seconds", "left_s"),
    [
        (0.5, 10.0, 10.0),
        (0.25, 10.0, 30.0),
        (1.0, 10.0, 0.0),
        (0.02, 3.0, 147.0),
        (0.019, 100.0, None),  # too little is done
        (0.5, 2.9, None),  # it has just begun
    ],
)
def test_the_rest_takes_as_long_as_its_share(fraction, seconds, left_s):
    told = replace(HALF, fraction=fraction, seconds=seconds).left_s
    assert told == (None if left_s is None else pytest.approx(left_s))


def test_what_a_run_notes_can_be_read_until_it_is_over(tmp_path):
    assert read_progress(tmp_path, INDEXING) is None
    notes = ProgressNotes(tmp_path, "fusing")
    notes.write(0.5, 3, 6, "segments")

    read = read_progress(tmp_path, INDEXING)
    assert read == Progress("fusing", 0.5, 3, 6, "segments", read.seconds, os.getpid())
    assert 0 <= read.seconds < 60
    assert read_progress(tmp_path, SKETCHING) is None
    notes.clear()
    assert read_progress(tmp_path, INDEXING) is None


def test_sketching_has_a_note_of_its_own(tmp_path):
    ProgressNotes(tmp_path, "sketching").write(0.5, 3, 6, "segments")
    assert read_progress(tmp_path, SKETCHING).work == "sketching"
    assert read_progress(tmp_path, INDEXING) is None


def test_two_notes_of_one_moment_are_one(tmp_path, monkeypatch):
    notes = ProgressNotes(tmp_path, "indexing")
    for done in (1, 2):
        notes.write(done / 6, done, 6, "files")
    assert read_progress(tmp_path, INDEXING).done == 1
    monkeypatch.setattr(progress, "_INTERVAL_S", 0.0)
    notes.write(0.5, 3, 6, "files")
    assert read_progress(tmp_path, INDEXING).done == 3


def test_a_library_without_a_folder_has_no_notes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notes = ProgressNotes(None, "indexing")
    notes.write(0.5, 3, 6, "files")
    notes.clear()
    assert list(tmp_path.iterdir()) == []


def test_work_goes_on_where_no_note_can_be_written(tmp_path):
    notes = ProgressNotes(tmp_path / "gone", "indexing")
    notes.write(0.5, 3, 6, "files")
    notes.clear()


def test_the_note_of_a_killed_run_is_not_read(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from search.catalog.progress import *\n"
        "ProgressNotes(Path(sys.argv[1]), 'indexing').write(0.5, 3, 6, 'files'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 9
    assert (tmp_path / f"{INDEXING}.progress").exists()
    assert read_progress(tmp_path, INDEXING) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to act as another user")
def test_the_note_of_another_users_run_is_read():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ProgressNotes(folder, "indexing").write(0.5, 3, 6, "files")
        folder.chmod(0o755)
        (folder / f"{INDEXING}.progress").chmod(0o644)
        reader = os.fork()
        if not reader:
            os.setuid(65534)
            os._exit(0 if read_progress(folder, INDEXING) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) == 0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"work": "indexing"}', "\udcff"])
def test_a_note_that_makes_no_sense_is_none(tmp_path, content):
    note = tmp_path / f"{INDEXING}.progress"
    note.write_bytes(content.encode(errors="surrogateescape"))
    assert read_progress(tmp_path, INDEXING) is None


def test_works_are_running_whose_locks_are_held(tmp_path):
    assert running_works(tmp_path) == []
    with only_indexer(tmp_path):
        assert running_works(tmp_path) == [INDEXING]
    assert running_works(tmp_path) == []
