"""What the page shows, kept in its address: it can be shared, and the back button works."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

COUNTS = (12, 24, 48)  # a grid of two, three or four columns has no gap at its end
LONGEST_QUERY = 500
MOST_TAGS, LONGEST_TAG = 5, 200

_BOX, _COUNT, _TAGS = "query", "count", "tags"


@dataclass(frozen=True)
class Address:
    """The text searched for, tags that must hold, how many videos to list, the segment watched."""

    query: str
    tags: tuple[str, ...]
    count: int
    play: int | None

    @property
    def asks(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.query or self.tags)


def read() -> Address:
    """The address as it is now; what makes no sense in it counts as not said."""
    count = _number("k")
    return Address(
        query=st.query_params.get("q", "").strip()[:LONGEST_QUERY],
        tags=_tags(),
        count=count if count in COUNTS else COUNTS[0],
        play=_number("play"),
    )


def query_box() -> None:
    """The field to type into. Enter changes the address, and the address fills the field."""
    st.session_state[_BOX] = read().query
    st.text_input(
        "What happens in the video?",
        key=_BOX,
        on_change=_search,
        placeholder="What happens in the video?",
        icon=":material/search:",
        max_chars=LONGEST_QUERY,
        label_visibility="collapsed",
    )


def tag_box(labels: Sequence[str]) -> None:
    """The choice of tags that must hold, from these labels and those in the address."""
    chosen = list(read().tags)
    st.session_state[_TAGS] = chosen
    st.multiselect(
        "Tags",
        [*labels, *(tag for tag in chosen if tag not in labels)],
        key=_TAGS,
        on_change=_change_tags,
        max_selections=MOST_TAGS,
        placeholder="Only with the tags …",
        label_visibility="collapsed",
    )


def count_box() -> None:
    """The choice of how many videos to list."""
    st.session_state[_COUNT] = read().count
    st.selectbox(
        "Videos to list",
        COUNTS,
        key=_COUNT,
        on_change=_change_count,
        format_func=lambda count: f"{count} results",
        label_visibility="collapsed",
        width=140,
    )


def play(segment: int) -> None:
    """Open the player on a segment."""
    st.query_params["play"] = str(segment)


def stop_playing() -> None:
    """Close the player."""
    st.query_params.pop("play", None)


def _search() -> None:
    stop_playing()
    query = st.session_state[_BOX].strip()
    if query:
        st.query_params["q"] = query
    else:
        st.query_params.pop("q", None)


def _change_tags() -> None:
    stop_playing()
    chosen = st.session_state[_TAGS]
    if chosen:
        st.query_params["tag"] = chosen
    else:
        st.query_params.pop("tag", None)


def _tags() -> tuple[str, ...]:
    given = (tag.strip()[:LONGEST_TAG] for tag in st.query_params.get_all("tag"))
    return tuple(dict.fromkeys(filter(None, given)))[:MOST_TAGS]


def _change_count() -> None:
    st.query_params["k"] = str(st.session_state[_COUNT])


def _number(name: str) -> int | None:
    text = st.query_params.get(name, "")
    # Long digits would not fit into the catalog's numbers.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
