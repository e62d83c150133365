"""What a row says of itself when nobody has said anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from search.catalog.store import Store
from search.catalog.tables import Space, Status, VideoPath
from search.catalog.tag_tables import Vocabulary


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Store.open(tmp_path, create=True) as library, library.writing() as session:
        yield session


def space() -> Space:
    encoded = {"model": "tiny", "weights_digest": "weights", "preprocessing": {}, "dim": 24}
    return Space(key="key", head="meanP", sampling={}, **encoded)


def test_a_path_was_never_tried(session: Session) -> None:
    path = VideoPath(path=Path("/v/a.mp4"), size_bytes=1, mtime_ns=1)
    session.add(path)
    session.flush()
    assert (path.status, path.attempts, path.video_id) == (Status.WAITING, 0, None)


def test_a_space_is_not_searched_nor_for_tags_and_has_not_changed(session: Session) -> None:
    made = space()
    session.add(made)
    session.flush()
    assert (made.active, made.tagging, made.revision) == (False, False, 0)


def test_a_vocabulary_is_not_in_use_and_its_floors_are_not_measured(session: Session) -> None:
    made = space()
    session.add(made)
    session.flush()
    values = {"logit_scale": 1, "calibration_scale": 1, "calibration_offset": 0}
    vocabulary = Vocabulary(
        space_id=made.id,
        name="mine",
        templates=[],
        text_digest="weights",
        neutral=b"",
        floors=b"",
        min_probability=0.5,
        most=5,
        **values,
    )
    session.add(vocabulary)
    session.flush()
    assert (vocabulary.active, vocabulary.floor_segments) == (False, 0)
