"""The search page: a query, the moments found, and the player."""

import streamlit as st

from search.catalog.places import count_videos
from search.catalog.store import Store
from search.finding.hits import Hit, remark_on
from search.queries.query import QueryMistake
from search.tags.counting import most_frequent
from search.tags.reading import used_labels
from search.wording import counted, printable
from ui.web.search import ask_panel
from ui.web.shared import address, components, player
from ui.web.shared.open_library import Answer, OpenLibrary, open_library
from ui.web.shared.pictures import pictures_of

_EXAMPLES = 5
_BOX, _COUNT = "query", "count"


def draw() -> None:
    """Draw the view for the address it was called with."""
    asked = address.read()
    named = asked.query or ", ".join(asked.tags)
    st.set_page_config(page_title=f"{printable(named)} – Kinodex" if named else "Kinodex")
    with st.container(key="head" if asked.asks else "start"):
        st.title("Kinodex", anchor=False)
        if not asked.asks:
            st.text("Find moments in your videos by what happens in them.")
        _query_box()
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
        _count_box()
    if not answer.hits:
        components.message(
            "No video passes these filters" if asked.filters or asked.tags else "Nothing is found"
        )
    elif remark := remark_on(answer.hits, asked.as_query()):
        components.message(f"{remark}. The nearest are:")
    with st.container(key="results"), pictures_of(opened.library) as pictures:
        for hit in answer.hits:
            components.card(hit, pictures, sketch_first=shows_sketches)


def _summary(answer: Answer) -> str:
    looked = f"{counted(answer.videos, 'video')}, {counted(answer.segments, 'segment')}"
    return (
        f"Searched {looked} in {answer.seconds * 1000:.0f} ms. "
        "Scores compare the results of this search only."
    )


def _query_box() -> None:
    """The field to type into. Enter changes the address, and the address fills the field."""
    st.session_state[_BOX] = address.read().query
    st.text_input(
        "What happens in the video?",
        key=_BOX,
        on_change=_search,
        placeholder="What happens in the video?",
        icon=":material/search:",
        max_chars=address.LONGEST_QUERY,
        label_visibility="collapsed",
    )


def _search() -> None:
    address.forget_judgements()  # they were of another question
    address.put("q", st.session_state[_BOX].strip())


def _count_box() -> None:
    """The choice of how many videos to list."""
    st.session_state[_COUNT] = address.read().count
    st.selectbox(
        "Videos to list",
        address.COUNTS,
        key=_COUNT,
        on_change=_change_count,
        format_func=lambda count: f"{count} results",
        label_visibility="collapsed",
        width=140,
    )


def _change_count() -> None:
    st.query_params["k"] = str(st.session_state[_COUNT])
