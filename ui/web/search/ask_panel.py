"""What a search has besides its words: tags, a picture, a drawing, and filters in the sidebar."""

import streamlit as st

from models.errors import KinodexError
from search.catalog.store import Store
from search.queries.drawings import LineDrawing, drawing_from_text, drawing_to_text
from ui.web.search import picture_route
from ui.web.search.drawing_box import drawing_box
from ui.web.shared import address
from ui.web.uploads import box as upload_box

_TAGS = "tags"
_PICTURE = upload_box.Box(
    name="picture",
    call="Choose a picture of what to look for, or drop it here",
    accept="image/*,.tif,.tiff,.avif",
    address=picture_route.PATH,
    limit_mb=picture_route.LARGEST_MB,
    most_files=1,
)
_FIELDS = {
    "in": ("In the folder", "trips/2024"),
    "after": ("Recorded on or after", "2024-05-17, 2024-05 or 2024"),
    "before": ("Recorded before", "2025"),
    "min": ("Videos at least so long", "90s, 2m or 1:30"),
    "max": ("Videos at most so long", "10m"),
}


def draw(library: Store, labels: list[str]) -> None:
    """The row of tags, picture and drawing, and below it what was given."""
    asked = address.read()
    with st.container(key="filter", horizontal=True, vertical_alignment="center", gap="small"):
        if labels or asked.tags:
            _tag_box(labels)
        _picture_button()
        _drawing_button(asked)
    _draw_given(library, asked)


def _tag_box(labels: list[str]) -> None:
    """The choice of tags that must hold, from these labels and those in the address."""
    chosen = list(address.read().tags)
    st.session_state[_TAGS] = chosen
    st.multiselect(
        "Tags",
        [*labels, *(tag for tag in chosen if tag not in labels)],
        key=_TAGS,
        on_change=lambda: address.put("tag", st.session_state[_TAGS]),
        max_selections=address.MOST_TAGS,
        placeholder="Only with the tags …",
        label_visibility="collapsed",
    )


def _picture_button() -> None:
    with st.popover("Picture", icon=":material/image:"):
        upload_box.draw(_PICTURE, on_sent=_search_for_picture)


def _drawing_button(asked: address.Address) -> None:
    with st.popover("Draw", icon=":material/draw:"):
        current = _current_drawing(asked)
        drawn = drawing_box(key="drawn", current=current)
        if drawn is not None and drawn != current:
            address.put("drawing", drawing_to_text(drawn))
            st.rerun()


def _current_drawing(asked: address.Address) -> LineDrawing | None:
    try:
        return drawing_from_text(asked.drawing) if asked.drawing else None
    except KinodexError:
        return None  # the search says what is wrong with it


def _search_for_picture() -> None:
    if picture := upload_box.answer(_PICTURE.name).get("picture"):
        address.put("picture", picture)


def _draw_given(library: Store, asked: address.Address) -> None:
    """The picture that is searched with, and buttons that take things back."""
    judged = len(asked.like) + len(asked.unlike)
    if not (asked.picture or asked.drawing or judged):
        return
    with st.container(key="given", horizontal=True, vertical_alignment="center", gap="small"):
        if asked.picture:
            file = library.query_picture_file(asked.picture)
            if file.is_file():
                st.image(file.read_bytes(), width=96)
            st.button(
                "without the picture", type="tertiary", on_click=address.put, args=("picture", None)
            )
        if asked.drawing:
            st.button(
                "without the drawing", type="tertiary", on_click=address.put, args=("drawing", None)
            )
        if judged:
            st.text(f"{len(asked.like)} right, {len(asked.unlike)} wrong")
            st.button("forget that", type="tertiary", on_click=address.forget_judgements)


def draw_filters() -> None:
    """A field for each filter."""
    with st.sidebar, st.container(key="filters"):
        st.text("Only videos …")
        for name, (label, example) in _FIELDS.items():
            _filter_box(name, label, example)
        if address.read().filters:
            st.button("Without these filters", on_click=_clear_filters, width="stretch")
        st.text("More in the query itself: + and -, --then, --within, --k, --per-video.")


def _filter_box(name: str, label: str, example: str) -> None:
    key = f"filter-{name}"
    st.session_state[key] = address.read().filters.get(name, "")
    st.text_input(
        label,
        key=key,
        on_change=lambda: address.put(name, st.session_state[key].strip()),
        placeholder=example,
        max_chars=address.LONGEST_TAG,
    )


def _clear_filters() -> None:
    for name in _FIELDS:
        address.put(name, None)
