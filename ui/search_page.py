"""The search page: a query, the moments found, and the player."""

import streamlit as st
from sqlalchemy.exc import DatabaseError

from indexer.keyframes import ensure_keyframe
from indexer.settings import IndexSettings
from indexer.worker import DecodeWorker
from models.errors import KinodexError
from search.hits import Hit, Moment
from search.library import Library
from search.tags import used_labels
from ui import address, components, tag_panel
from ui.media import ensure_clip, find_source
from ui.open_library import Answer, OpenLibrary, count_videos, open_library
from ui.printing import counted, printable


def draw() -> None:
    """Draw the page for the address it was called with."""
    asked = address.read()
    named = asked.query or ", ".join(asked.tags)
    title = f"{printable(named)} – Kinodex" if named else "Kinodex"
    st.set_page_config(page_title=title, page_icon=components.ICON, layout="wide")
    st.html(components.STYLE)
    _draw_head(asked)
    try:
        _draw_library(asked)
    except KinodexError as error:
        components.message(error)
    except DatabaseError as error:
        components.message(f"the catalog of this library cannot be read: {error.orig}")


def _draw_head(asked: address.Address) -> None:
    with st.container(key="head" if asked.asks else "start"):
        st.title("Kinodex", anchor=False)
        if not asked.asks:
            st.text("Find moments in your videos by what happens in them.")
        address.query_box()


def _draw_library(asked: address.Address) -> None:
    opened = open_library()
    _draw_tag_box(opened.library)
    hits: list[Hit] = []
    if asked.asks:
        answer = opened.search(asked.query, asked.count, tags=asked.tags)
        hits = answer.hits
        _draw_answer(opened, answer)
    else:
        with st.container(key="stock"):
            st.text(f"{counted(count_videos(opened.library), 'video')} in this library")
    if asked.play is not None:
        _open_player(opened, hits, asked.play)


def _draw_tag_box(library: Library) -> None:
    with library.reading() as session:
        labels = used_labels(session)
    if labels or address.read().tags:
        with st.container(key="filter"):
            address.tag_box(labels)


def _draw_answer(opened: OpenLibrary, answer: Answer) -> None:
    with st.container(key="summary", horizontal=True, vertical_alignment="center"):
        st.text(
            f"Searched {counted(answer.videos, 'video')}, "
            f"{counted(answer.segments, 'segment')} in {answer.seconds * 1000:.0f} ms. "
            "Scores compare the results of this search only.",
            width="stretch",
        )
        address.count_box()
    settings = opened.settings
    with st.container(key="results"), DecodeWorker() as worker:
        for hit in answer.hits:
            components.card(hit, _keyframe(opened.library, hit.segment, settings, worker))


def _keyframe(
    library: Library, segment: int, settings: IndexSettings, worker: DecodeWorker
) -> bytes | None:
    try:
        file = ensure_keyframe(library, segment, settings=settings, worker=worker)
        return file.read_bytes() if file else None
    except OSError:  # a full or read-only disk, or the file was deleted just now
        return None


def _open_player(opened: OpenLibrary, hits: list[Hit], segment: int) -> None:
    source = find_source(opened.library, segment)
    hit = next((hit for hit in hits if _moment_of(hit, segment)), None)

    def draw_player() -> None:
        # The dialog is drawn again by itself when another moment is chosen in it.
        playing = address.read().play
        if playing is not None:
            _draw_player(opened, hit, playing)

    components.dialog(source.paths[0].name, segment, draw_player)


def _draw_player(opened: OpenLibrary, hit: Hit | None, segment: int) -> None:
    moment = _moment_of(hit, segment)
    try:
        source = find_source(opened.library, segment)
        at_s = moment.best_s if moment else source.start_s
        with st.spinner("Preparing the clip …"):
            clip = ensure_clip(opened.library, source, at_s, settings=opened.settings)
    except KinodexError as error:
        components.message(error)
    else:
        st.video(str(clip.file), start_time=clip.start_s, autoplay=True)
        with st.container(key="watched", gap="xsmall"):
            st.text(components.span(source.start_s, source.end_s))
            st.code(printable(source.paths[0]), language=None, wrap_lines=True)
        tag_panel.draw(opened.library, segment)
    others = [other for other in _moments(hit) if other.segment != segment]
    components.moment_buttons(others, key="player")


def _moments(hit: Hit | None) -> tuple[Moment, ...]:
    return (hit, *hit.moments) if hit else ()


def _moment_of(hit: Hit | None, segment: int) -> Moment | None:
    return next((moment for moment in _moments(hit) if moment.segment == segment), None)
