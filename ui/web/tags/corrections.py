"""The part of the tags view that lists what people have said of tags, to take it back."""

import streamlit as st

from models.errors import KinodexError
from search.catalog.store import Store
from search.tags.corrections import KeptWord, count_words, list_words, take_back
from search.wording import counted, printable
from ui.web.shared import changes, components
from ui.web.shared.paging import Paging
from ui.web.tags.address import PAGE

PAGE_LENGTH = 25

_TROUBLE = "taking back failed"


def draw(library: Store) -> None:
    """Draw the page of words that the address names."""
    with library.reading() as session:
        count = count_words(session)
        paging = Paging(PAGE, PAGE_LENGTH, count)
        words = list_words(session, start=paging.start, count=PAGE_LENGTH)
    if trouble := st.session_state.pop(_TROUBLE, None):
        components.message(trouble)
    if not words:
        components.message(
            "nobody has said anything of tags yet: open a label and press Right or Wrong"
        )
        return
    st.text(
        f"{counted(count, 'word')} of people, the newest first. They count more than the model's, "
        "and stay when tags are made again."
    )
    may_change = changes.allowed()
    for number, word in enumerate(words):
        _draw_word(library, word, number, may_change=may_change)
    paging.box()


def _draw_word(library: Store, word: KeptWord, number: int, *, may_change: bool) -> None:
    # The number makes a name for style sheets that no label is part of.
    with st.container(key=f"said-{number}", horizontal=True, vertical_alignment="center"):
        with st.container(key=f"said-about-{number}", gap=None, width="stretch"):
            with st.container(key=f"said-label-{number}"):
                st.text(printable(word.label) if word.holds else f"not {printable(word.label)}")
            st.text(_where(word))
        if word.segment is not None:
            components.play_button("Watch", word.segment, key=f"watch-said-{word.number}")
        if may_change:
            st.button(
                "Take back",
                key=f"take-back-{word.number}",
                icon=":material/undo:",
                type="tertiary",
                on_click=_take_back,
                args=(library, word.number),
            )


def _where(word: KeptWord) -> str:
    name = printable(word.path.name) if word.path else "a video that is away"
    return f"{name}, {components.span(word.start_s, word.end_s)}, {word.said_at:%Y-%m-%d %H:%M} UTC"


def _take_back(library: Store, number: int) -> None:
    try:
        _forget(library, number)
    except KinodexError as error:
        st.session_state[_TROUBLE] = f"that could not be taken back: {error}"


@changes.change
def _forget(library: Store, number: int) -> None:
    with library.writing() as session:
        take_back(session, number)
