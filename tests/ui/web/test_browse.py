"""Pages of the wall."""

from pathlib import Path

import pytest
import streamlit as st

from search.catalog.store import Store
from search.tags.corrections import say
from tests.search.finding.test_engine import Shelf, axis
from tests.tiny import tiny_backbone
from ui.web.browse import PAGE, _read_page


@pytest.mark.parametrize(("asked", "page", "first"), [("1", 1, 1), ("2", 2, 49), ("9", 2, 49)])
def test_who_asks_beyond_the_last_page_gets_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, page: int, first: int
) -> None:
    monkeypatch.setattr(st, "query_params", {"page": asked})
    with Store.open(tmp_path / "library", create=True) as library:
        Shelf(library, tiny_backbone()).put("/v/a.mp4", *[axis(0)] * (PAGE + 5))
        with library.writing() as session:
            for segment in range(1, PAGE + 3):
                say(session, segment, "waiting", holds=True)
        for label, count in ((None, PAGE + 5), ("waiting", PAGE + 2)):
            found, paging = _read_page(library, label)
            assert (paging.page, found.count) == (page, count)
            assert found.places[0].segment_id == first
