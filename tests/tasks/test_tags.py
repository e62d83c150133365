"""`kinodex tags`: labels as they are shown, and why a segment has its tags."""

import io
import re

import pytest
from rich.console import Console

from search.library import Library
from search.tags.corrections import say
from tasks import tags
from tests.calling import call, said, shown_json
from tests.search.finding.test_engine import Shelf, axis
from tests.search.planted import plant, tag
from tests.tiny import tiny_backbone


@pytest.fixture
def folder(tmp_path):
    """Segments that jump, that spin, and that do nothing; people say more of the last."""
    backbone = tiny_backbone()
    with Library.open(tmp_path / "library", create=True) as library:
        shelf = Shelf(library, backbone)
        shelf.put("/v/a.mp4", axis(0), axis(1))
        shelf.put("/v/b.mp4", axis(0), axis(9), axis(8))
        plant(library, backbone)
        tag(library, backbone)
        with library.writing() as session:
            say(session, 4, "dozing", holds=True)
            say(session, 4, "jumping", holds=False)
    return tmp_path / "library"


def test_a_pipe_gets_counts_labels_and_examples(folder, capsys) -> None:
    assert call("tags", "-l", folder) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "2\tjumping\t/v/a.mp4@0:00.0, /v/b.mp4@0:00.0",
        "1\tdozing\t/v/b.mp4@0:10.0",
        "1\tspinning\t/v/a.mp4@0:10.0",
    ]
    assert captured.err == "1 of 5 segments have no tag (vocabulary mine)\n"


def test_a_terminal_gets_a_table(folder, capsys, monkeypatch) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system=None, width=200)
    monkeypatch.setattr(tags, "data_console", console)
    assert call("tags", "-l", folder, "--all") == 0
    lines = [re.split(r"\s{2,}", line.strip()) for line in file.getvalue().splitlines()]
    assert lines[0] == ["segments", "label", "for example"]
    assert lines[1] == ["2", "jumping", "/v/a.mp4@0:00.0, /v/b.mp4@0:00.0"]
    assert [line[:2] for line in lines[2:]] == [
        ["1", "dozing"],
        ["1", "spinning"],
        ["0", "falling down"],
    ]


def test_a_segments_tags_are_explained(folder, capsys) -> None:
    assert call("tags", "-l", folder, "1") == 0
    kinds = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [kind for kind, *_ in kinds] == ["tag", "runner-up", "background"]
    assert kinds[0][1] == "jumping"
    assert kinds[0][3] == "by the model, similarity 1.000, floor +0.000"
    assert kinds[2][3] == "similarity 0.000"


def test_what_people_say_of_a_segment_is_explained(folder, capsys) -> None:
    assert call("tags", "-l", folder, "4") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "tag\tdozing\t1.000\tby a person"
    assert "denied\tjumping\t\tby a person" in shown


def test_a_segment_without_any_tag_says_how_sure_one_had_to_be(folder, capsys) -> None:
    assert call("tags", "-l", folder, "5") == 0
    assert "no label of mine has a probability of 0.5 here" in said(capsys)
    assert shown_json(capsys, "tags", "-l", folder, "5")["tags"] == []
