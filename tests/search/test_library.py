"""A library keeps its engine, and the model in it, for as long as that serves."""

import pytest

from search.library import Library
from tests.search.finding.test_engine import Shelf, axis


@pytest.fixture
def library(tmp_path, backbone) -> Library:
    with Library.open(tmp_path / "own", create=True) as library:
        Shelf(library, backbone).put("/v/a.mp4", axis(0))
        yield library


def test_an_engine_is_loaded_once(library, backbone):
    first = library.engine(backbone)
    assert library.engine() is first


def test_an_engine_that_cannot_follow_is_loaded_again(library, backbone, monkeypatch):
    first = library.engine(backbone)
    monkeypatch.setattr(first, "follow", lambda: False)
    second = library.engine(backbone)
    assert second is not first
    assert library.engine() is second
