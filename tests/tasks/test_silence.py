"""What programs read is printed for those who ask with --json, and for nobody else."""

import shutil
from pathlib import Path

import pytest

from tests.calling import call, said


@pytest.fixture
def library(shared_library: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared_library, tmp_path / "library"))


@pytest.mark.parametrize(
    "command",
    [
        "index CLIPS",
        "tag",
        "tag --correct 1 juggling",
        "fuse --head meanP",
        "remove CLIPS",
        "clean",
    ],
)
def test_a_command_that_changes_a_library_prints_nothing(
    library, shared_clips, capsys, command
) -> None:
    words = command.replace("CLIPS", str(shared_clips)).split()
    assert call(*words, "-l", library) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err
    assert call(*words, "-l", library, "--json") == (1 if words[0] == "remove" else 0)
    assert (capsys.readouterr().out == "") == (words[0] == "remove")  # it is gone already


def test_an_indexing_run_says_with_what_it_works_and_then_what_was_done(
    library, shared_clips, capsys
) -> None:
    assert call("index", shared_clips, "-l", library) == 0
    told = said(capsys)
    assert told.startswith(f"library {library}, model bundled, head meanP, on cpu ")
    assert told.endswith("0 videos indexed, 2 unchanged")
