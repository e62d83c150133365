"""The tags view: labels with counts and sketches, their segments, and the vocabulary."""

from pathlib import Path

import streamlit as st

from indexer.config import load_settings
from indexer.worker import DecodeWorker
from search.library import Library
from ui import library_work, player, tags_address, tags_label, tags_list, tags_said, tags_vocabulary
from ui.open_library import open_catalog
from ui.page_access import may_change, ui_settings
from ui.printing import printable
from ui.tags_address import Show
from ui.tags_pictures import Pictures

_STYLE = Path(__file__).parent / "tags_page.css"
_NAMES = {
    Show.LABELS: "Labels",
    Show.SAID: "What people said",
    Show.VOCABULARY: "Change labels",
}


def draw() -> None:
    """Draw the view for the address it was called with."""
    st.html(_STYLE)
    asked = tags_address.read()
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


def _draw_part(library: Library, asked: tags_address.TagsAddress) -> None:
    settings = ui_settings(library.folder)
    may = may_change(settings, st.context.headers)
    if asked.show is Show.SAID:
        tags_said.draw(library, asked)
    elif asked.show is Show.VOCABULARY:
        tags_vocabulary.draw(library, settings, may_change=may)
    else:
        if library_work.is_busy(library.folder):
            library_work.draw(library.folder, may_change=may)
        _draw_with_pictures(library, asked)


def _draw_with_pictures(library: Library, asked: tags_address.TagsAddress) -> None:
    settings = load_settings(library)
    with DecodeWorker() as worker:
        pictures = Pictures(library, settings, worker)
        if asked.label:
            tags_label.draw(library, pictures, asked)
        else:
            tags_list.draw(library, pictures, asked)


def _part_box(shown: Show) -> None:
    key = "tags-part"
    st.session_state[key] = shown
    st.segmented_control(
        "Part of the view",
        list(Show),
        key=key,
        format_func=_NAMES.__getitem__,
        required=True,
        on_change=lambda: tags_address.show(st.session_state[key]),
        label_visibility="collapsed",
    )
