"""Who waits for an answer in the shell does not wait for libraries that it does not need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.calling import call

PROJECT = Path(__file__).parents[3]
HEAVY = ("torch", "open_clip", "torchvision", "faiss", "streamlit")
PROGRAM = f"""
import sys
from ui.cli.main import main

try:
    main()
except SystemExit as ended:
    print(ended.code or 0, sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def library(shared_library: Path) -> Path:
    """One that was searched before, so that what is encoded once is encoded."""
    assert call("search", "a ball", "-l", shared_library) == 0
    return shared_library


@pytest.mark.parametrize(
    "command",
    [
        ["search", "a ball"],
        ["search", "a ball - a square", "--then", "a circle"],
        ["search", "--tag", "growing"],
        ["tags"],
        ["tags", "1"],
        ["status"],
        ["failed"],
        ["where"],
        ["verify", "--help"],
    ],
    ids=" ".join,
)
def test_a_command_answers_without_heavy_libraries(library, command):
    assert loaded(library, *command) == "0 []"


def test_a_picture_is_searched_with_and_a_clip_cut_without_them(library, tmp_path):
    picture = next((library / "media").rglob("*.jpg"))
    assert loaded(library, "search", "--image", picture) == "0 []"
    where = ["--out", tmp_path / "clips", "-k", "1", "--best"]
    assert loaded(library, "export", "a ball", *where) == "0 []"
    assert len(list((tmp_path / "clips").iterdir())) == 1


def test_a_mistake_in_the_query_is_told_before_anything_is_loaded(library):
    assert loaded(library, "search", "a ball +") == "2 []"


def loaded(library: Path, *command: object) -> str:
    """The exit code of a command in a process of its own, and which heavy libraries it loaded."""
    words = [str(word) for word in command]
    place = [] if "--help" in words else ["-l", str(library)]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, *place],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    return ran.stderr.splitlines()[-1]
