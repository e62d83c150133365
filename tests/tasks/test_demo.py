"""What the demo refuses, what it says of wrong answers, and what people are told to type next."""

import sys
from fractions import Fraction
from pathlib import Path

import pytest

from models.errors import KinodexError
from search.finding.hits import Hit, Why
from search.tags.reading import Tag, TagSource
from smallworld.clips.files import ClipTruth
from smallworld.demo import DEMO_QUERIES, DemoQuery
from tasks import demo
from tests.calling import call, said


@pytest.mark.parametrize(
    ("called", "told"),
    [("bin/kinodex", "bin/kinodex"), ("site/kinodex/__main__.py", "bin/python -m kinodex")],
)
def test_it_is_called_again_as_it_was_called(monkeypatch, tmp_path, called, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / called)])
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / "bin" / "python"))
    assert demo._command() == told


def test_a_folder_that_is_no_demo_stays_as_it_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    for options in ((), ("--remove",)):
        assert call("demo", "--folder", tmp_path, *options) == 1
        assert "is not a demo of ours and stays as it is" in said(capsys)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_demo_is_removed_whole_and_none_is_no_mistake(tmp_path, capsys):
    folder = tmp_path / "demo"
    (folder / "videos").mkdir(parents=True)
    (folder / demo._MARK).touch()
    for _ in range(2):
        assert call("demo", "--folder", folder, "--remove") == 0
        assert "is gone" in said(capsys)
        assert not folder.exists()


def answers(name: str, *labels: str) -> dict[DemoQuery, Hit]:
    """What the demo's questions were answered with, each with the same."""
    tags = tuple(Tag(label, 0.9, TagSource.MODEL) for label in labels)
    path = Path("/v", name)
    hit = Hit(1, 0, 1, 0, 0.5, 0.9, Why(0.5, 0.5), tags, video="hash", paths=(path,))
    return dict.fromkeys(DEMO_QUERIES, hit)


def test_a_demo_that_answers_wrongly_says_so():
    clip = ClipTruth(Path("/v/right.mp4"), 16, 16, Fraction(25), "h264", ())
    demo._check("a dog", list(answers("right.mp4").values()), clip)
    with pytest.raises(KinodexError, match=r"'a dog' should have found right\.mp4 first"):
        demo._check("a dog", list(answers("wrong.mp4").values()), clip)


def test_a_demo_whose_tags_are_wrong_says_so():
    actions = [query.action for query in DEMO_QUERIES if query.action is not None]
    demo._check_tags(answers("a.mp4", "something", *actions))
    with pytest.raises(KinodexError, match=r"a\.mp4 should have the tag"):
        demo._check_tags(answers("a.mp4", "something"))
