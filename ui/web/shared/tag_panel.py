"""The tags of the segment in the player, and what the viewer says of them."""

from collections.abc import Iterator

import streamlit as st

from models.errors import KinodexError
from search.catalog.store import Store
from search.tags.corrections import words_on
from search.tags.reading import Tag, TagSource, tags_of
from search.tags.verdicts import Verdict, keep_verdict
from search.wording import printable
from ui.web.shared import changes
from ui.web.shared.address import LONGEST_TAG

_NEW, _TROUBLE = "new tag", "tag trouble"


def draw(library: Store, segment: int) -> None:
    """Each tag; for those who may, buttons to say that it is right or wrong, and a field for more.

    What the viewer says is a person's word: it is kept when tags are made again.
    """
    with library.reading() as session:
        tags = tags_of(session, [segment])[segment]
        words = words_on(session, [segment]).get(segment, {})
    denied = sorted(label for label, holds in words.items() if not holds)
    may_change = changes.allowed()
    with st.container(key="tag-panel", gap="xsmall"):
        st.text("What happens here:" if tags else "No label is known to hold here.")
        for number, (text, buttons) in enumerate(_rows(tags, denied)):
            with st.container(key=f"tag-row-{number}", horizontal=True):
                st.text(text, width="stretch")
                for name, verdict, label in buttons if may_change else ():
                    st.button(
                        name,
                        key=f"{name}-{number}-of-{segment}",
                        type="tertiary",
                        on_click=keep,
                        args=(library, segment, verdict, label),
                    )
        if may_change:
            _draw_field(library, segment)
        draw_trouble()


def draw_trouble() -> None:
    """Say once why a word could not be kept, where that was so."""
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.text(trouble)


_Button = tuple[str, Verdict, str]  # its name, what it says, of which label


def _rows(tags: tuple[Tag, ...], denied: list[str]) -> Iterator[tuple[str, list[_Button]]]:
    for tag in tags:
        name = printable(tag.label)
        if tag.source is TagSource.PERSON:
            yield f"{name}, as you said", [("take back", Verdict.FORGET, tag.label)]
        else:
            buttons = [("right", Verdict.RIGHT, tag.label), ("wrong", Verdict.WRONG, tag.label)]
            yield f"{name}, {100 * tag.probability:.0f} % likely", buttons
    for label in denied:
        yield f"not {printable(label)}, as you said", [("take back", Verdict.FORGET, label)]


def _draw_field(library: Store, segment: int) -> None:
    key = f"{_NEW} of {segment}"
    st.text_input(
        "Add a tag",
        key=key,
        on_change=_add,
        args=(library, segment, key),
        placeholder="What else happens here? Add a tag",
        max_chars=LONGEST_TAG,
        label_visibility="collapsed",
    )


def _add(library: Store, segment: int, key: str) -> None:
    typed = st.session_state[key].strip()
    st.session_state[key] = ""
    if typed:
        keep(library, segment, Verdict.RIGHT, typed)


def keep(library: Store, segment: int, verdict: Verdict, label: str) -> None:
    """Keep what the viewer says; for buttons."""
    try:
        _keep(library, segment, verdict, label)
    except KinodexError as error:
        st.session_state[_TROUBLE] = printable(str(error))


@changes.change
def _keep(library: Store, segment: int, verdict: Verdict, label: str) -> None:
    with library.writing() as session:
        keep_verdict(session, segment, label, verdict)
