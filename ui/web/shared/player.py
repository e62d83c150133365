"""The player: a segment's clip in a dialog above any view."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from indexer.reading.settings import IndexSettings
from models.errors import KinodexError
from search.catalog.places import SegmentPlace
from search.catalog.store import Store
from search.finding.hits import Hit, Moment
from search.wording import printable
from tasks.clips.naming import clip_name
from tasks.clips.playing import ensure_clip, find_place
from ui.web.shared import address, clip_route, components, tag_panel


def draw_if_asked(library: Store, hits: Sequence[Hit] = ()) -> None:
    """Open the player when the address names a segment.

    hits: what the view lists; the segment's hit says where to start and what else is in its video

    Raises NotPlayable when the segment is not in the library any more.
    """
    segment = address.read().play
    if segment is None:
        return
    place = find_place(library, segment)
    hit = next((hit for hit in hits if _moment_of(hit, segment)), None)

    def draw_player() -> None:
        # The dialog is drawn again by itself when another moment is chosen in it.
        playing = address.read().play
        if playing is not None:
            _draw_player(library, hit, playing)

    components.dialog(place.path.name, segment, draw_player)


def _draw_player(library: Store, hit: Hit | None, segment: int) -> None:
    moment = _moment_of(hit, segment)
    try:
        place = find_place(library, segment)
        at_s = moment.best_s if moment else place.start_s
        with st.spinner("Preparing the clip …"):
            clip = ensure_clip(library, place, at_s, settings=library.settings(IndexSettings))
    except KinodexError as error:
        components.message(error)
    else:
        page_url = st.context.url
        playable = clip_route.address_of(clip, page_url) if page_url else str(clip.file)
        st.video(playable, start_time=clip.start_s, autoplay=True)
        if clip.lost is not None:
            st.warning(f"In this clip {clip.lost}.")
        with st.container(key="watched", gap="xsmall"):
            st.text(components.span(place.start_s, place.end_s))
            st.code(printable(place.path), language=None, wrap_lines=True)
        if hit is not None:
            _draw_timeline(hit, segment, place.video.duration_s)
        _draw_deeds(segment, clip.file, place)
        tag_panel.draw(library, segment)
    others = [other for other in _moments(hit) if other.segment != segment]
    components.moment_buttons(others, key="player")


def _draw_timeline(hit: Hit, segment: int, duration_s: float) -> None:
    """Where in the video the moments lie; the one that plays stands out."""
    spans = [(one.start_s, one.end_s, one.segment == segment) for one in _moments(hit)]
    if len(spans) > 1 and duration_s > 0:
        with st.container(key="timeline"):
            st.image(timeline_svg(spans, duration_s), width="stretch")


def timeline_svg(spans: Sequence[tuple[float, float, bool]], duration_s: float) -> str:
    """A strip as long as the video, with a mark for each span: from, to, and whether it plays."""
    marks = "".join(
        f'<rect x="{1000 * start_s / duration_s:.1f}" y="0" height="16" rx="3" '
        f'width="{max(4.0, 1000 * (end_s - start_s) / duration_s):.1f}" '
        f'fill="{"#e0332c" if plays else "#e0332c80"}"/>'
        for start_s, end_s, plays in spans
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 16" width="1000" height="16" '
        'preserveAspectRatio="none"><rect width="1000" height="16" rx="3" fill="#8884"/>'
        f"{marks}</svg>"
    )


def _draw_deeds(segment: int, clip: Path, place: SegmentPlace) -> None:
    """What can be done with a moment: more of its kind, judge it, take it away."""
    asked = address.read()
    with st.container(key="deeds", horizontal=True, vertical_alignment="center", gap="small"):
        components.search_link("More like this", q=f"@{segment}")
        if asked.asks:
            _judgement(segment, "Good result", "like", segment in asked.like)
            _judgement(segment, "Bad result", "unlike", segment in asked.unlike)
        st.download_button(
            "Save the clip",
            clip.read_bytes,  # when it is pressed, and not before
            file_name=f"{clip_name(place.path.stem[:80])} {place.start_s:.0f}s.mp4",
            mime="video/mp4",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def _judgement(segment: int, name: str, verdict: str, given: bool) -> None:
    if st.button(f"{name} ✓" if given else name, key=f"{verdict}-{segment}", type="tertiary"):
        address.judge(segment, None if given else verdict)
        st.rerun()  # the results behind the dialog move too


def _moments(hit: Hit | None) -> tuple[Moment, ...]:
    return (hit, *hit.moments) if hit else ()


def _moment_of(hit: Hit | None, segment: int) -> Moment | None:
    return next((moment for moment in _moments(hit) if moment.segment == segment), None)
