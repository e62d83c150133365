"""The parts of the page.

Names, paths and messages go through `st.text` only: all else in Streamlit reads Markdown, and
anybody may have named the files.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from search.finding.hits import Hit, Moment, match_word
from search.queries.query import QueryMistake
from search.tags.reading import Tag, TagSource
from search.wording import as_sentence, clock, printable, span
from ui.web.shared import address
from ui.web.shared.pictures import Pictures

SEARCH_VIEW = "search view"

STYLE = Path(__file__).parent / "style.css"
# Streamlit's own icons for a browser tab are fetched from the internet.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<rect x="1" y="4" width="30" height="24" rx="6" fill="#e0332c"/>'
    '<path d="M12 10 L12 22 L22 16 Z" fill="#fff"/></svg>'
)


def message(said: Exception | str) -> None:
    """A sentence for the viewer, in a box of its own."""
    with st.container(key="message"):
        st.text(as_sentence(printable(str(said).strip())))


def tag_line(tags: Sequence[Tag]) -> str:
    """What holds, and how likely: "bouncing 93 %, spinning"; a person's word needs no number."""
    return ", ".join(
        printable(tag.label)
        + ("" if tag.source is TagSource.PERSON else f" {100 * tag.probability:.0f} %")
        for tag in tags
    )


def literal(text: str) -> str:
    """A text for the label of a widget, which reads Markdown: every mark stands for itself."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(text))


def search_link(label: str, **parameters: str) -> None:
    """A link to the search view, wherever it stands; `label` is ours, not somebody's text."""
    view = st.session_state.get(SEARCH_VIEW)
    if view is not None:  # a view that is drawn by itself has no other to lead to
        st.page_link(view, label=label, icon=":material/search:", query_params=parameters)


def mistake(said: QueryMistake) -> None:
    """What is wrong with a query, and where."""
    message(said)
    if marked := said.pointed():
        st.code(marked, language=None)


def sketch_switch() -> bool:
    """Whether cards show sketches first; the choice stays while the page is open."""
    return st.toggle("Sketches", key="sketches first")


def match_line(moment: Moment) -> str:
    """How well a moment matches: in a word where that can be told, and the score."""
    score = f"score {moment.score:.3f}"
    return score if moment.match is None else f"{match_word(moment.match)} match, {score}"


def play_button(
    label: str, segment: int, *, key: str, icon: str | None = ":material/play_arrow:"
) -> None:
    """A button that opens the player on a segment."""
    st.button(label, key=key, icon=icon, type="tertiary", on_click=address.play, args=(segment,))


def card(hit: Hit, pictures: Pictures, *, sketch_first: bool = False) -> None:
    """A video that was found: click it to watch its best moment, or one of its other moments."""
    with st.container(key=f"card-{hit.segment}", gap=None):
        pictures.draw(hit.segment, sketch_first=sketch_first)
        play_button(clock(hit.best_s), hit.segment, key=f"play-{hit.segment}")
        with st.container(key=f"about-{hit.segment}", gap=None):
            with st.container(key=f"name-{hit.segment}"):
                st.text(printable(hit.paths[0].name))
            st.text(f"{span(hit.start_s, hit.end_s)}, best at {clock(hit.best_s)}")
            st.text(match_line(hit))
            for name, cosine in hit.why.terms:
                st.text(f"{printable(name)}: {cosine:.3f}")
            if hit.tags:
                with st.container(key=f"tags-{hit.segment}"):
                    st.text(tag_line(hit.tags))
            moment_buttons(
                hit.steps or hit.moments, key=f"card-{hit.segment}", steps=bool(hit.steps)
            )


def moment_buttons(moments: Sequence[Moment], *, key: str, steps: bool = False) -> None:
    """Small buttons that play other moments of the same video, or the steps of a sequence."""
    if not moments:
        return
    with st.container(
        key=f"moments-of-{key}", horizontal=True, vertical_alignment="center", gap="xsmall"
    ):
        st.text("step by step" if steps else "also at")
        for moment in moments:
            name = f"moment-{moment.segment}-of-{key}"
            play_button(clock(moment.best_s), moment.segment, key=name, icon=None)


def dialog(title: str, segment: int, draw: Callable[[], None]) -> None:
    """Show `draw` above the page until the viewer closes it."""

    def titled() -> None:
        with st.container(key="title"):
            st.text(printable(title))
        draw()

    # The dialog's own title, which only screen readers get to know, would be read as Markdown. It
    # is also what tells dialogs apart: one of the same title may stay shut when it is opened
    # while the last one is still being closed.
    name = f"Segment {segment}"
    st.dialog(name, width="medium", on_dismiss=address.stop_playing)(titled)()
