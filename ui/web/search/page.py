"""The search page: a query, the moments found, and the player."""

import streamlit as st

from indexer.keyframes import ensure_keyframe
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from search.catalog.places import count_videos
from search.catalog.store import Store
from search.finding.hits import Hit, all_weak
from search.queries.query import QueryMistake
from search.tags.counting import most_frequent
from search.tags.reading import used_labels
from search.wording import counted, printable
from tasks.sketches.files import SketchNotStored, ensure_sketch
from ui.web.search import ask_panel
from ui.web.shared import address, components, player
from ui.web.shared.open_library import Answer, OpenLibrary, open_library

_EXAMPLES = 5


def draw() -> None:
    """Draw the view for the address it was called with."""
    asked = address.read()
    named = asked.query or ", ".join(asked.tags)
    if named:
        st.set_page_config(page_title=f"{printable(named)} – Kinodex")
    with st.container(key="head" if asked.asks else "start"):
        st.title("Kinodex", anchor=False)
        if not asked.asks:
            st.text("Find moments in your videos by what happens in them.")
        address.query_box()
    _draw_library(asked)


def _draw_library(asked: address.Address) -> None:
    opened = open_library()
    with opened.library.reading() as session:
        labels = used_labels(session)
    ask_panel.draw(opened.library, labels)
    ask_panel.draw_filters()
    hits: list[Hit] = []
    if asked.asks:
        try:
            answer = opened.search(asked.as_query())
        except QueryMistake as mistake:
            components.mistake(mistake)
        else:
            hits = answer.hits
            _draw_answer(opened, answer, asked)
    else:
        _draw_stock(opened.library)
    player.draw_if_asked(opened.library, hits)


def _draw_stock(library: Store) -> None:
    with library.reading() as session:
        videos = count_videos(session)
        examples = most_frequent(session, _EXAMPLES)
    with st.container(key="stock"):
        st.text(f"{counted(videos, 'video')} in this library")
    if examples:
        with st.container(key="examples", horizontal=True, horizontal_alignment="center"):
            for place, label in enumerate(examples):
                st.button(
                    components.literal(label),
                    key=f"example-{place}",
                    type="tertiary",
                    on_click=address.ask,
                    args=(label,),
                )


def _draw_answer(opened: OpenLibrary, answer: Answer, asked: address.Address) -> None:
    with st.container(key="summary", horizontal=True, vertical_alignment="center"):
        st.text(_summary(answer), width="stretch")
        shows_sketches = components.sketch_switch()
        address.count_box()
    if not answer.hits:
        components.message(
            "No video passes these filters" if asked.filters or asked.tags else "Nothing is found"
        )
    elif all_weak(answer.hits):
        components.message("No match is sure: probably nothing here shows this. The nearest are:")
    settings = opened.settings
    with st.container(key="results"), DecodeWorker() as worker:
        for hit in answer.hits:
            keyframe = _keyframe(opened.library, hit.segment, settings, worker)
            sketch = _sketch(opened.library, hit.segment)
            components.card(hit, keyframe, sketch, sketch_first=shows_sketches)


def _summary(answer: Answer) -> str:
    looked = f"{counted(answer.videos, 'video')}, {counted(answer.segments, 'segment')}"
    return (
        f"Searched {looked} in {answer.seconds * 1000:.0f} ms. "
        "Scores compare the results of this search only."
    )


def _sketch(library: Store, segment: int) -> bytes | None:
    try:
        file = ensure_sketch(library, segment, "png")
        return file.read_bytes() if file else None
    except (OSError, SketchNotStored):
        return None


def _keyframe(
    library: Store, segment: int, settings: IndexSettings, worker: DecodeWorker
) -> bytes | None:
    try:
        file = ensure_keyframe(library, segment, settings=settings, worker=worker)
        return file.read_bytes() if file else None
    except OSError:  # a full or read-only disk, or the file was deleted just now
        return None
