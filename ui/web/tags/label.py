"""The part of the tags view that shows the segments of one label, to watch and to put right."""

from dataclasses import dataclass

import streamlit as st

from search.catalog.places import SegmentPlace, place_segments
from search.catalog.store import Store
from search.tags.counting import Holding, holding
from search.tags.reading import UnknownLabel, known_label
from search.tags.verdicts import Verdict
from search.wording import clock, counted, printable
from ui.web.shared import changes, components, tag_panel
from ui.web.shared.paging import Paging
from ui.web.shared.pictures import Pictures
from ui.web.tags import address as tags_address
from ui.web.tags.address import PART, TagsAddress

PAGE_LENGTH = 24


@dataclass(frozen=True)
class _Listed:
    """The segments of one page, and how many there are in all. Denied ones come last."""

    label: str
    holding: int
    denied: int
    paging: Paging
    rows: tuple[tuple[Holding | None, SegmentPlace], ...]


def draw(library: Store, pictures: Pictures, asked: TagsAddress) -> None:
    """Draw the page of segments that the address names."""
    st.button(
        "All labels",
        key="all-labels",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=tags_address.close_label,
    )
    try:
        listed = _listed(library, asked)
    except UnknownLabel as error:
        components.message(error)
        return
    _draw_head(listed)
    tag_panel.draw_trouble()
    may_change = changes.allowed()
    with st.container(key="results"):
        for held, place in listed.rows:
            _draw_segment(library, pictures, listed.label, held, place, may_change=may_change)
    listed.paging.box()


def _listed(library: Store, asked: TagsAddress) -> _Listed:
    with library.reading() as session:
        label = known_label(session, asked.label)
        segments = holding(session, label)
        by_segment: dict[int, Holding | None] = {one.segment: one for one in segments.held}
        by_segment |= dict.fromkeys(segments.denied)
        paging = Paging(PART, PAGE_LENGTH, len(by_segment))
        places = place_segments(session, paging.of(list(by_segment)))
    rows = tuple((by_segment[place.segment_id], place) for place in places)
    return _Listed(label, len(segments.held), len(segments.denied), paging, rows)


def _draw_head(listed: _Listed) -> None:
    with st.container(key="label-head", horizontal=True, vertical_alignment="center"):
        with st.container(key="label-title", gap=None, width="stretch"):
            with st.container(key="label-name"):
                st.text(printable(listed.label))
            st.text(_summary(listed))
        if listed.holding:
            components.search_link("Search with this tag", tag=listed.label)


def _summary(listed: _Listed) -> str:
    said = f"Holds in {counted(listed.holding, 'segment')}"
    if listed.holding:
        said += ", surest first"
    return f"{said}. Said not to hold in {listed.denied}." if listed.denied else f"{said}."


def _draw_segment(
    library: Store,
    pictures: Pictures,
    label: str,
    held: Holding | None,
    place: SegmentPlace,
    *,
    may_change: bool,
) -> None:
    segment = place.segment_id
    with st.container(key=f"card-{segment}", gap=None):
        pictures.draw(segment)
        components.play_button(clock(place.start_s), segment, key=f"play-{segment}")
        with st.container(key=f"about-{segment}", gap=None):
            with st.container(key=f"name-{segment}"):
                st.text(printable(place.path.name))
            st.text(f"{components.span(place.start_s, place.end_s)}, {_how_sure(held)}")
            if may_change:
                _draw_verdict(library, segment, label, held)


def _how_sure(held: Holding | None) -> str:
    if held is None:
        return "not this, as people said"
    return "as people said" if held.by_person else f"{100 * held.probability:.0f} % likely"


def _draw_verdict(library: Store, segment: int, label: str, held: Holding | None) -> None:
    said = held is None or held.by_person
    verdicts = {"Take back": Verdict.FORGET}
    if not said:
        verdicts = {"Right": Verdict.RIGHT, "Wrong": Verdict.WRONG}
    with st.container(key=f"verdict-{segment}", horizontal=True, gap="xsmall"):
        for name, verdict in verdicts.items():
            st.button(
                name,
                key=f"{verdict}-label-{segment}",
                on_click=tag_panel.keep,
                args=(library, segment, verdict, label),
            )
