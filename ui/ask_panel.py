"""Below the query box: a picture or a drawing to search with, and what the search has of them."""

import streamlit as st

from models.errors import KinodexError
from search.drawings import Drawing, drawing_from_text, drawing_to_text
from search.library import Library
from ui import address, components
from ui.drawing_box import drawing_box
from ui.query_pictures import keep_picture

_DROPPED, _TROUBLE = "dropped picture", "picture trouble"
_LARGEST_MB = 40


def draw(library: Library, labels: list[str]) -> None:
    """The row of tags, picture and drawing, and below it what was given."""
    asked = address.read()
    with st.container(key="filter", horizontal=True, vertical_alignment="center", gap="small"):
        if labels or asked.tags:
            address.tag_box(labels)
        _picture_button(library)
        _drawing_button(asked)
    if trouble := st.session_state.pop(_TROUBLE, None):
        components.message(trouble)
    _draw_given(library, asked)


def _picture_button(library: Library) -> None:
    with st.popover("Picture", icon=":material/image:"):
        st.file_uploader(
            "A picture of what to look for",
            type=["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"],
            key=_DROPPED,
            on_change=_take_picture,
            args=(library,),
        )


def _drawing_button(asked: address.Address) -> None:
    with st.popover("Draw", icon=":material/draw:"):
        current = _current_drawing(asked)
        drawn = drawing_box(key="drawn", current=current)
        if drawn is not None and drawn != current:
            address.put("drawing", drawing_to_text(drawn))
            st.rerun()


def _current_drawing(asked: address.Address) -> Drawing | None:
    try:
        return drawing_from_text(asked.drawing) if asked.drawing else None
    except KinodexError:
        return None  # the search says what is wrong with it


def _take_picture(library: Library) -> None:
    dropped = st.session_state[_DROPPED]
    if dropped is None:
        return
    try:
        if dropped.size > _LARGEST_MB * 1_000_000:
            raise KinodexError(f"the picture is larger than {_LARGEST_MB} MB: make it smaller")
        address.put("picture", keep_picture(library, dropped.getvalue()))
    except KinodexError as error:
        st.session_state[_TROUBLE] = str(error)


def _draw_given(library: Library, asked: address.Address) -> None:
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
