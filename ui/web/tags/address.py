"""What the tags view shows, kept in its address."""

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st

from search.tags.counting import Sort
from ui.web.shared import address
from ui.web.shared.address import LONGEST_TAG

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
    """

    show: Show
    label: str
    find: str
    sort: Sort
    every: bool


def read() -> TagsAddress:
    """The address as it is now; what makes no sense in it counts as not said."""
    show, sort = st.query_params.get(SHOW, ""), st.query_params.get(SORT, "")
    return TagsAddress(
        show=Show(show) if show in list(Show) else Show.LABELS,
        label=_text(LABEL),
        find=_text(FIND),
        sort=Sort(sort) if sort in list(Sort) else Sort.COUNT,
        every=st.query_params.get(EVERY) == "1",
    )


def put(name: str, value: str) -> None:
    """Set one parameter, or take it out when it is empty; its list begins at the first page."""
    address.put(name, value)
    st.query_params.pop(PAGE, None)


def open_label(label: str) -> None:
    """Show the segments of a label."""
    address.put(LABEL, label)
    st.query_params.pop(PART, None)


def close_label() -> None:
    """Go back to the list of labels, where it was left."""
    open_label("")


def show(part: Show) -> None:
    """Go to a part of the view, to its beginning."""
    st.query_params.from_dict({} if part is Show.LABELS else {SHOW: part.value})


def _text(name: str) -> str:
    return st.query_params.get(name, "").strip()[:LONGEST_TAG]
