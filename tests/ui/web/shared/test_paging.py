"""Which page of a list the address asks for."""

import pytest
import streamlit as st

from ui.web.shared.paging import Paging


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The parameters of the address."""
    parameters: dict[str, str] = {}
    monkeypatch.setattr(st, "query_params", parameters)
    return parameters


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("", 1),
        ("2", 2),
        ("3", 3),
        ("4", 3),
        ("999999999", 3),
        ("0", 1),
        ("-1", 1),
        ("two", 1),
        ("٢", 1),
        ("9" * 5000, 1),
    ],
)
def test_a_page_that_is_not_there_is_the_first_or_the_last(asked, text, page):
    asked["page"] = text
    assert Paging("page", 10, 25).page == page


@pytest.mark.parametrize(
    ("count", "pages", "last"), [(0, 1, []), (1, 1, [0]), (10, 1, list(range(10))), (11, 2, [10])]
)
def test_a_list_has_as_many_pages_as_it_needs(asked, count, pages, last):
    paging = Paging("page", 10, count)
    asked["page"] = "9"
    assert (paging.pages, paging.of(list(range(count)))) == (pages, last)


def test_each_list_has_a_page_of_its_own(asked):
    asked |= {"page": "2", "part": "3"}
    assert (Paging("page", 10, 99).start, Paging("part", 10, 99).start) == (10, 20)
