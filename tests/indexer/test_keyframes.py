"""Keyframes are drawn again when they are gone, and nothing is lost where that is impossible."""

from pathlib import Path
from typing import Any

import pytest

from indexer import keyframes
from indexer.keyframes import ensure_keyframe, write_keyframe
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from search.catalog.places import PresentVideo, SegmentPlace
from search.catalog.store import Store

PLACE = SegmentPlace(7, 10.0, 14.0, 12.0, PresentVideo("5eed", 100.0, (Path("/v/a.mp4"),)))


class Worker:
    """Gives a picture, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._failure = failure

    def thumbnail(self, path: Path, time_s: float, **how: Any) -> bytes:
        self.asked.append((path, time_s, how))
        if self._failure is not None:
            raise self._failure
        return b"jpeg"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    places = {7: [PLACE]}
    monkeypatch.setattr(
        keyframes, "place_segments", lambda _session, numbers: places.get(numbers[0], [])
    )
    return Store.open(tmp_path / "library", create=True)


def ensured(library: Store, worker: Any, number: int = 7) -> Path | None:
    return ensure_keyframe(library, number, settings=IndexSettings(), worker=worker)


def test_a_keyframe_that_is_gone_is_drawn_once(library):
    worker = Worker()
    file = ensured(library, worker)
    assert file == library.keyframe_file(7)
    assert file.read_bytes() == b"jpeg"
    how = {"short_side": 224, "settings": IndexSettings(), "length_s": 100.0}
    assert worker.asked == [(Path("/v/a.mp4"), 12.0, how)]
    assert ensured(library, worker) == file
    assert len(worker.asked) == 1


def test_a_segment_that_is_nowhere_has_none(library):
    worker = Worker()
    assert ensured(library, worker, 8) is None
    assert worker.asked == []


@pytest.mark.parametrize("failure", [DecodeFailed("read", "it is gone"), OSError(28, "full")])
def test_where_it_cannot_be_drawn_or_kept_there_is_none(library, failure):
    assert ensured(library, Worker(failure)) is None
    assert not library.keyframe_file(7).exists()


def test_a_picture_is_put_in_place_whole_and_replaces_an_older_one(tmp_path):
    file = tmp_path / "new" / "7.jpg"
    for content in (b"one", b"two"):
        write_keyframe(file, content)
        assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]
