"""The files of a sketch, and what is said of it."""

import json
from pathlib import Path

import pytest

from models.errors import KinodexError
from tasks.sketches.products import FinishedSketch, usable_folder, write_file, write_files
from tests.tasks.sketches.drawings import sketch

FINISHED = FinishedSketch(
    "a\x1bcat", sketch(), {"svg": Path("/o/a.svg"), "png": Path("/o/a.png")}, 1.26, segment=7
)


def test_people_hear_of_strokes_and_seconds_and_programs_get_the_paths(capsys):
    FINISHED.show(as_json=False)
    shown = capsys.readouterr()
    assert shown.err == "a\\x1bcat: 2 strokes (subject, background), 1.3 s\n"
    assert shown.out == "/o/a.svg\n/o/a.png\n"
    FinishedSketch("b", sketch(1), {}, 0.0).show(as_json=False)
    assert capsys.readouterr().err == "b: 1 stroke (subject), 0.0 s\n"


def test_all_there_is_to_know_is_one_line(capsys):
    FINISHED.show(as_json=True)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert json.loads(shown.out) == {
        "name": "a\x1bcat",
        "segment": 7,
        "strokes": 2,
        "groups": ["subject", "background"],
        "gains": [0.14286, 0.28571],
        "loss": 3.0,
        "semantic_loss": 1.0,
        "geometric_loss": 2.0,
        "seconds": 1.26,
        "files": {"svg": "/o/a.svg", "png": "/o/a.png"},
    }


def test_files_are_named_by_their_stem_and_kind(tmp_path):
    contents = {"svg": b"s", "animated.svg": b"a", "making-of": b"m"}
    files = write_files(tmp_path, "cat", contents)
    assert files == {
        "svg": tmp_path / "cat.sketch.svg",
        "animated.svg": tmp_path / "cat.sketch.animated.svg",
        "making-of": tmp_path / "cat.making-of.mp4",
    }
    assert [file.read_bytes() for file in files.values()] == [b"s", b"a", b"m"]


def test_a_folder_is_made_and_tried_and_nothing_is_left_in_it(tmp_path, monkeypatch):
    wanted = tmp_path / "new" / "deeper"
    assert usable_folder(wanted) == wanted
    assert usable_folder(wanted) == wanted
    assert list(wanted.iterdir()) == []
    monkeypatch.chdir(tmp_path)
    assert usable_folder(None).resolve() == tmp_path


def test_a_folder_or_a_file_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KinodexError, match=r"nothing can be written to '.*file.*with --out"):
        usable_folder(tmp_path / "file" / "folder")
    with pytest.raises(KinodexError, match=r"'.*gone/a\.svg' cannot be written \("):
        write_file(tmp_path / "gone" / "a.svg", b"")
