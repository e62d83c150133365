"""The tags view: labels with counts and sketches, their segments, and the vocabulary."""

from pathlib import Path

import streamlit as st

from search.catalog.store import Store
from search.wording import printable
from ui.web.jobs import view as library_work
from ui.web.shared import changes, player
from ui.web.shared.access import ui_settings
from ui.web.shared.open_library import open_catalog
from ui.web.shared.pictures import pictures_of
from ui.web.tags import address, corrections, label, labels, vocabulary
from ui.web.tags.address import Show

_STYLE = Path(__file__).parent / "page.css"
_NAMES = {Show.LABELS: "Labels", Show.SAID: "What people said", Show.VOCABULARY: "Change labels"}


def draw() -> None:
    """Draw the view for the address it was called with."""
    st.html(_STYLE)
    asked = address.read()
    st.set_page_config(page_title=f"{printable(asked.label) or 'Tags'} – Kinodex")
    library = open_catalog()
    with st.container(key="tags"):
        if asked.label:
            _draw_with_pictures(library, asked)
        else:
            st.title("Tags", anchor=False)
            _part_box(asked.show)
            _draw_part(library, asked)
    player.draw_if_asked(library)


def _draw_part(library: Store, asked: address.TagsAddress) -> None:
    settings = ui_settings(library.folder)
    may = changes.allowed()
    if asked.show is Show.SAID:
        corrections.draw(library)
    elif asked.show is Show.VOCABULARY:
        vocabulary.draw(library, settings, may_change=may)
    else:
        if library_work.is_busy(library.folder):
            library_work.draw(library.folder, may_change=may)
        _draw_with_pictures(library, asked)


def _draw_with_pictures(library: Store, asked: address.TagsAddress) -> None:
    with pictures_of(library) as pictures:
        if asked.label:
            label.draw(library, pictures, asked)
        else:
            labels.draw(library, pictures, asked)


def _part_box(shown: Show) -> None:
    key = "tags-part"
    st.session_state[key] = shown
    st.segmented_control(
        "Part of the view",
        list(Show),
        key=key,
        format_func=_NAMES.__getitem__,
        required=True,
        on_change=lambda: address.show(st.session_state[key]),
        label_visibility="collapsed",
    )
