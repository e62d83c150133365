"""The examples of docs/python.md and of the README run, one after the other, as they stand."""

import re
import shutil
from pathlib import Path

import pytest

from tests.kinodex.conftest import CLIPS

PROJECT = Path(__file__).parents[2]


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (PROJECT / page).read_text(), re.M | re.S)


def run(page: str, names: dict[str, object]) -> None:
    for number, example in enumerate(examples(page), 1):
        exec(compile(example, f"{page}, example {number}", "exec"), names)


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the demo's videos, or some of them."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(CLIPS, tmp_path / "kinodex-demo" / "videos")
    return tmp_path


def test_the_examples_of_the_page_run(somewhere, capsys):
    assert len(examples("docs/python.md")) >= 8
    run("docs/python.md", {})
    assert "clip-008.mp4" in capsys.readouterr().out


def test_the_examples_about_searching_run(somewhere, made, monkeypatch):
    monkeypatch.setenv("KINODEX_LIBRARY", str(made / "library"))
    assert examples("README.md")
    assert examples("docs/searching.md")
    for page in ("README.md", "docs/searching.md"):
        run(page, {})
