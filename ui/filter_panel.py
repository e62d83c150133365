"""The sidebar of the search page: what narrows a search."""

import streamlit as st

from ui import address

_FIELDS = {
    "in": ("In the folder", "trips/2024"),
    "after": ("Recorded on or after", "2024-05-17, 2024-05 or 2024"),
    "before": ("Recorded before", "2025"),
    "min": ("Videos at least so long", "90s, 2m or 1:30"),
    "max": ("Videos at most so long", "10m"),
}


def draw() -> None:
    """A field for each filter."""
    with st.sidebar, st.container(key="filters"):
        st.text("Only videos …")
        for name, (label, example) in _FIELDS.items():
            address.filter_box(name, label, example)
        if address.read().filters:
            st.button("Without these filters", on_click=_clear, width="stretch")
        st.text("More in the query itself: + and -, --then, --within, --k, --per-video.")


def _clear() -> None:
    for name in _FIELDS:
        address.put(name, None)
