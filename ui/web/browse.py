"""The wall: a library's segments as sketches, by video, by tag or by likeness."""

from pathlib import Path

import streamlit as st

from search.catalog.places import SegmentPlace, place_segments
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.finding.browsing import Page, by_tag, by_video, embedded
from search.finding.similarity_map import SimilarityMap
from search.tags.reading import used_labels
from search.wording import clock, counted, printable
from ui.web.shared import address, components, player
from ui.web.shared.open_library import open_catalog
from ui.web.shared.paging import Paging, page_number
from ui.web.shared.pictures import Pictures, pictures_of

PAGE = 48
COLUMNS, ROWS = 8, 6
MAPPED = 50_000  # segments; of a larger library as many, spread evenly
_DEEPEST = 6
_PAGE = "page"
_STYLE = Path(__file__).parent / "browse.css"
_ORDERS = {"video": "By video", "tag": "By tag", "likeness": "By likeness"}
_LOOKS = {"sketch": "Sketches", "keyframe": "Pictures"}


def draw() -> None:
    """Draw the view for the address it was called with."""
    st.html(_STYLE)
    st.set_page_config(page_title="Browse – Kinodex")
    library = open_catalog()
    st.title("Browse", anchor=False)
    with st.container(key="browse-head", horizontal=True, vertical_alignment="center"):
        order = _choice("by", _ORDERS)
        look = _choice("show", _LOOKS)
    if order == "likeness":
        _draw_map(library, look)
    else:
        _draw_pages(library, order, look)
    player.draw_if_asked(library)


def _choice(name: str, options: dict[str, str]) -> str:
    """One of the options, kept in the address."""
    current = st.query_params.get(name, "")
    current = current if current in options else next(iter(options))
    st.session_state[f"browse-{name}"] = current
    st.segmented_control(
        name,
        list(options),
        key=f"browse-{name}",
        format_func=options.__getitem__,
        on_change=_choose,
        args=(name,),
        label_visibility="collapsed",
    )
    return current


def _choose(name: str) -> None:
    address.put(name, st.session_state[f"browse-{name}"])
    if name == "by":
        for other in (_PAGE, "cell", "label"):
            st.query_params.pop(other, None)


def _draw_pages(library: Store, order: str, look: str) -> None:
    label = None
    if order == "tag":
        with library.reading() as session:
            labels = used_labels(session)
        label = _label_box(labels)
        if label is None:
            components.message(
                "Choose a tag to see where it holds"
                if labels
                else "Nothing is tagged in this library yet: see the Tags view"
            )
            return
    page, paging = _read_page(library, label)
    if not page.count:
        components.message("There is nothing to browse yet: add videos in the Library view")
        return
    st.text(f"{counted(page.count, 'segment')}, page {paging.page} of {paging.pages}")
    with st.container(key="wall"), pictures_of(library) as pictures:
        for place in page.places:
            _draw_tile(place, pictures, look)
    with st.container(key="paging", horizontal=True, horizontal_alignment="center"):
        paging.box()


def _read_page(library: Store, label: str | None) -> tuple[Page, Paging]:
    def beginning_at(start: int) -> Page:
        with library.reading() as session:
            if label is None:
                return by_video(session, start=start, count=PAGE)
            return by_tag(session, label, start=start, count=PAGE)

    asked = PAGE * (page_number(_PAGE) - 1)
    page = beginning_at(asked)
    paging = Paging(_PAGE, PAGE, page.count)
    # Who asks for a page beyond the last one gets the last one.
    return page if paging.start == asked else beginning_at(paging.start), paging


def _label_box(labels: list[str]) -> str | None:
    current = st.query_params.get("label", "")
    chosen = current if current in labels else None
    st.session_state["browse-label"] = chosen
    st.selectbox(
        "Tag",
        labels,
        index=None,
        key="browse-label",
        on_change=_choose_label,
        placeholder="Choose a tag …",
        label_visibility="collapsed",
    )
    return chosen


def _choose_label() -> None:
    address.put("label", st.session_state["browse-label"])
    st.query_params.pop(_PAGE, None)


def _draw_map(library: Store, look: str) -> None:
    """Cells of like segments; one that holds several opens as a map of its own."""
    with library.reading() as session:
        space = active_space(session)
    if space is None:
        components.message("There is nothing to browse yet: add videos in the Library view")
        return
    chart = _chart(library, (str(library.folder), space.key, space.revision))
    way = _way()
    for step in way:
        cells = chart.cells(COLUMNS, ROWS)
        if step >= len(cells):
            way = []
            break
        chart = chart.within(cells[step])
    cells = chart.cells(COLUMNS, ROWS)
    with st.container(key="browse-way", horizontal=True, vertical_alignment="center"):
        st.text(f"{counted(len(chart.ids), 'segment')}; what is alike lies together")
        if way:
            st.button("One level up", on_click=_go, args=(way[:-1],))
            st.button("Whole library", on_click=_go, args=([],))
    with library.reading() as session:
        found = place_segments(session, [cell.segment for cell in cells])
    places = {place.segment_id: place for place in found}
    with st.container(key="wall"), pictures_of(library) as pictures:
        for cell in cells:
            if cell.segment in places:
                more = len(cell.members) - 1
                deeper = [*way, cell.number] if more else None
                _draw_tile(places[cell.segment], pictures, look, more=more, way=deeper)


@st.cache_resource(max_entries=2, show_spinner="Drawing the map …")
def _chart(_library: Store, which: tuple[str, str, int]) -> SimilarityMap:
    with _library.reading() as session:
        return SimilarityMap(*embedded(session, most=MAPPED))


def _way() -> list[int]:
    steps = st.query_params.get("cell", "").split(".")[:_DEEPEST]
    return [int(one) for one in steps if one.isascii() and one.isdigit() and len(one) < 4]


def _go(way: list[int]) -> None:
    address.put("cell", ".".join(map(str, way)))


def _draw_tile(
    place: SegmentPlace,
    pictures: Pictures,
    look: str,
    *,
    more: int = 0,
    way: list[int] | None = None,
) -> None:
    with st.container(key=f"tile-{place.segment_id}", gap=None):
        pictures.draw(place.segment_id, sketch_first=look == "sketch")
        name = f"{place.path.name} {clock(place.start_s)}"
        st.button(
            components.literal(f"{name} and {more} like it" if more else name),
            key=f"open-{place.segment_id}",
            type="tertiary",
            on_click=_go if way else address.play,
            args=(way,) if way else (place.segment_id,),
        )
        with st.container(key=f"told-{place.segment_id}", gap=None):
            st.text(f"and {more} more" if more else printable(place.path.name))
            if not more:
                st.text(components.span(place.start_s, place.end_s))
