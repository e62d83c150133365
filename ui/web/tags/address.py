"""What the tags view shows, kept in its address."""

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from search.tags.counting import Sort
from ui.web.shared.address import LONGEST_TAG, stop_playing

# "q" is the search view's: with it, the player would offer to judge the results of a search.
FIND, LABEL, PAGE, SHOW, SORT, EVERY = "find", "label", "page", "show", "sort", "all"
# The page of a label's segments; that of the list of labels stays for the way back.
PART = "part"


class Show(StrEnum):
    """The parts of the view."""

    LABELS = "labels"
    SAID = "said"
    VOCABULARY = "vocabulary"


@dataclass(frozen=True)
class TagsAddress:
    """What is asked for.

    label: the one whose segments are shown, empty for the list of all
    find: what the names of listed labels hold; every: labels that hold nowhere too
    page, part: pages of the list of labels and of what is shown below it, from 1
    """

    show: Show
    label: str
    find: str
    sort: Sort
    every: bool
    page: int
    part: int


def read() -> TagsAddress:
    """The address as it is now; what makes no sense in it counts as not said."""
    show, sort = st.query_params.get(SHOW, ""), st.query_params.get(SORT, "")
    return TagsAddress(
        show=Show(show) if show in list(Show) else Show.LABELS,
        label=_text(LABEL),
        find=_text(FIND),
        sort=Sort(sort) if sort in list(Sort) else Sort.COUNT,
        every=st.query_params.get(EVERY) == "1",
        page=_page(PAGE),
        part=_page(PART),
    )


def put(name: str, value: str) -> None:
    """Set one parameter, or take it out when it is empty; its list begins at the first page."""
    stop_playing()
    st.query_params.pop(PAGE, None)
    _set(name, value)


def open_label(label: str) -> None:
    """Show the segments of a label."""
    stop_playing()
    st.query_params.pop(PART, None)
    st.query_params[LABEL] = label


def close_label() -> None:
    """Go back to the list of labels, where it was left."""
    stop_playing()
    st.query_params.pop(PART, None)
    st.query_params.pop(LABEL, None)


def show(part: Show) -> None:
    """Go to a part of the view, to its beginning."""
    st.query_params.from_dict({} if part is Show.LABELS else {SHOW: part.value})


def turn_to(name: str, page: int) -> None:
    """Go to a page; `name` is PAGE or PART."""
    stop_playing()
    _set(name, str(page) if page > 1 else "")


def page_box(name: str, page: int, pages: int) -> None:
    """The choice of a page, where there are several; `name` is PAGE or PART."""
    if pages < 2:
        return
    # Another page, another box: it shows what the address says, whatever it was told before.
    key = f"{name}-box-{page}-of-{pages}"
    st.pagination(
        pages,
        default=page,
        key=key,
        on_change=lambda: turn_to(name, st.session_state[key]),
    )


def _set(name: str, value: str) -> None:
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def _text(name: str) -> str:
    return st.query_params.get(name, "").strip()[:LONGEST_TAG]


def _page(name: str) -> int:
    text = st.query_params.get(name, "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 10 else 1
