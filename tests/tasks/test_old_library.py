"""A library that an earlier version made opens, answers as it did, and encodes nothing again.

`tests/old_library` was made by the program before its modules were moved into rooms: six clips of
the demo and a broken file in /videos, indexed with the bundled model, sketched, and one tag said by
a person; `expected.json` is what it answered, but for how sure each match is: that is judged anew
from the same embeddings, and was written down again when the calibration changed.
"""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from models.errors import KinodexError
from search.catalog.summary import failures, summarise
from search.catalog.tables import SegmentSketch, VideoPath
from search.library import Library
from tests.calling import call, shown_json

OLD = Path(__file__).parents[1] / "old_library"
EXPECTED = json.loads((OLD / "expected.json").read_text())
CLIPS = 6


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder of a copy."""
    return Path(shutil.copytree(OLD / "library", tmp_path / "library"))


def answers(folder: Path, query: str) -> list[dict]:
    """As `kinodex search --json` writes them."""
    with Library.open(folder) as library:
        hits = library.search(query, k=10)
    return [json.loads(json.dumps(hit.as_json(), default=str)) for hit in hits]


def without_numbers(hits: list[dict]) -> list[tuple]:
    return [(hit["video"], hit["segment"], hit["best_s"], hit["tags"]) for hit in hits]


def numbers(hits: list[dict]) -> list[float]:
    return [number for hit in hits for number in (hit["score"], hit["match"] or 0.0)]


@pytest.mark.parametrize("query", EXPECTED)
def test_it_answers_as_it_did(old, query):
    found, expected = answers(old, query), EXPECTED[query]
    assert expected
    assert without_numbers(found) == without_numbers(expected)
    assert numbers(found) == pytest.approx(numbers(expected), abs=1e-4)


def test_indexing_it_again_encodes_nothing(old, capsys):
    report = shown_json(capsys, "index", OLD / "videos", "-l", old, code=3)
    assert (report["encoded"], report["linked"]) == (0, CLIPS)
    with Library.open(old) as library, library.reading() as session:
        assert summarise(library).videos == CLIPS
        paths = session.scalars(select(VideoPath.path)).all()
        assert {path.name for path in paths if path.parent == OLD / "videos"} == {
            path.name for path in (OLD / "videos").iterdir()
        }


def test_what_was_drawn_said_and_broken_is_still_so(old, capsys):
    with Library.open(old) as library, library.reading() as session:
        assert len(session.scalars(select(SegmentSketch)).all()) == CLIPS
        assert [failure.path.name for failure in failures(library)] == ["broken.mp4"]
        [said] = library.search("--tag juggling")
        assert [(tag.label, tag.source) for tag in said.tags] == [("juggling", "person")]
    assert call("tag", "-l", old, "--forget", "1", "juggling") == 0
    with Library.open(old) as library, pytest.raises(KinodexError, match="juggling"):
        library.search("--tag juggling")
