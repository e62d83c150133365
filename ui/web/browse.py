"""The wall: a library's segments as sketches, by video, by tag or by likeness."""

import math
from pathlib import Path

import streamlit as st

from indexer.keyframes import ensure_keyframe
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.finding.browsing import Page, by_tag, by_video, embedded
from search.finding.similarity_map import SimilarityMap
from search.tags.reading import used_labels
from search.wording import clock, counted, printable
from tasks.sketches.files import SketchNotStored, ensure_sketch
from ui.web.shared import address, components, player
from ui.web.shared.open_library import open_catalog

PAGE = 48
COLUMNS, ROWS = 8, 6
MAPPED = 50_000  # segments; of a larger library as many, spread evenly
_DEEPEST = 6
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
        for other in ("page", "cell", "label"):
            st.query_params.pop(other, None)


def _draw_pages(library: Store, order: str, look: str) -> None:
    number = _page_number()
    start = (number - 1) * PAGE
    with library.reading() as session:
        if order == "tag":
            labels = used_labels(session)
            label = _label_box(labels)
            if label is None:
                components.message(
                    "Choose a tag to see where it holds"
                    if labels
                    else "Nothing is tagged in this library yet: see the Tags view"
                )
                return
            page = by_tag(session, label, start=start, count=PAGE)
        else:
            page = by_video(session, start=start, count=PAGE)
    if not page.count:
        components.message("There is nothing to browse yet: add videos in the Library view")
        return
    st.text(f"{counted(page.count, 'segment')}, page {number} of {_pages(page)}")
    _draw_wall(library, page.places, look)
    _draw_paging(number, _pages(page))


def _pages(page: Page) -> int:
    return max(1, math.ceil(page.count / PAGE))


def _page_number() -> int:
    text = st.query_params.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


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
    st.query_params.pop("page", None)


def _draw_paging(number: int, pages: int) -> None:
    if pages == 1:
        return
    with st.container(key="paging", horizontal=True, horizontal_alignment="center"):
        for name, target in (
            ("First", 1),
            ("Back", number - 1),
            ("Next", number + 1),
            ("Last", pages),
        ):
            useful = 1 <= target <= pages and target != number
            st.button(
                name,
                key=f"page-{name}",
                disabled=not useful,
                on_click=address.put,
                args=("page", str(target)),
            )


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
    settings = library.settings(IndexSettings)
    with st.container(key="wall"), DecodeWorker() as worker:
        for cell in cells:
            if cell.segment not in places:
                continue
            place = places[cell.segment]
            pictures = _pictures(library, place, look, settings, worker)
            if len(cell.members) == 1:
                _draw_tile(place, pictures)
            else:
                _draw_tile(place, pictures, more=len(cell.members) - 1, way=[*way, cell.number])


@st.cache_resource(max_entries=2, show_spinner="Drawing the map …")
def _chart(_library: Store, which: tuple[str, str, int]) -> SimilarityMap:
    with _library.reading() as session:
        return SimilarityMap(*embedded(session, most=MAPPED))


def _way() -> list[int]:
    steps = st.query_params.get("cell", "").split(".")[:_DEEPEST]
    return [int(one) for one in steps if one.isascii() and one.isdigit() and len(one) < 4]


def _go(way: list[int]) -> None:
    address.put("cell", ".".join(map(str, way)))


def _draw_wall(library: Store, places: list[SegmentPlace], look: str) -> None:
    settings = library.settings(IndexSettings)
    with st.container(key="wall"), DecodeWorker() as worker:
        for place in places:
            _draw_tile(place, _pictures(library, place, look, settings, worker))


def _pictures(library: Store, place: SegmentPlace, look: str, settings, worker):  # type: ignore[no-untyped-def]
    """What a tile shows, and what it shows under the pointer; None where there is none."""
    sketch = keyframe = None
    try:
        if file := ensure_sketch(library, place.segment_id, "png"):
            sketch = file.read_bytes()
        if file := ensure_keyframe(library, place.segment_id, settings=settings, worker=worker):
            keyframe = file.read_bytes()
    except (OSError, SketchNotStored):
        pass  # a full or read-only disk
    if look == "keyframe":
        return keyframe or sketch, sketch if keyframe else None
    return sketch or keyframe, keyframe if sketch else None


def _draw_tile(
    place: SegmentPlace,
    pictures: tuple[bytes | None, bytes | None],
    *,
    more: int = 0,
    way: list[int] | None = None,
) -> None:
    first, second = pictures
    with st.container(key=f"tile-{place.segment_id}", gap=None):
        st.image(first or components.NO_PICTURE, width="stretch")
        if second:
            with st.container(key=f"under-{place.segment_id}"):
                st.image(second, width="stretch")
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
