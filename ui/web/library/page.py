"""The library view: what is indexed and what is not, adding videos, work under way, rebuilding."""

from pathlib import Path

import streamlit as st

from search.catalog.store import LibraryNotFound, Store
from search.catalog.summary import Summary, summarise
from search.wording import clock, counted, in_megabytes, printable
from ui.web.jobs import view as library_work
from ui.web.library import adding, files, rebuild, space
from ui.web.shared import changes, player
from ui.web.shared.access import library_folder, ui_settings
from ui.web.shared.open_library import open_catalog

_STYLE = Path(__file__).parent / "page.css"


def draw() -> None:
    """Draw the view for the address it was called with; there need not be a library yet."""
    st.html(_STYLE)
    st.set_page_config(page_title="Library – Kinodex")
    folder = library_folder()
    settings = ui_settings(folder)
    may = changes.allowed()
    library = _library_if_any()
    summary = summarise(library) if library else None
    has_model = bool(summary and summary.model)
    with st.container(key="library"):
        # Containers hold the places of what may be missing: if what follows moved, the upload box
        # would be made anew and forget what it shows.
        with st.container():
            _draw_head(folder, summary, busy=library_work.is_busy(folder))
        with st.container():
            library_work.draw(folder, may_change=may, has_model=has_model)
        if may:
            adding.draw(folder, settings, has_model=has_model)
        else:
            st.text("On this page videos can be looked at only: see 'allow_changes' in the guide.")
        if library is not None:
            _draw_library(library, summary, may=may)
    if library is not None:
        player.draw_if_asked(library)


def _library_if_any() -> Store | None:
    try:
        return open_catalog()
    except LibraryNotFound:
        return None


def _draw_head(folder: Path, summary: Summary | None, *, busy: bool) -> None:
    st.title("Library", anchor=False)
    with st.container(key="library-place"):
        st.text(printable(folder))
    if summary is None or not (summary.videos or summary.failed or summary.waiting):
        if not busy:
            st.text(
                "Nothing is here yet. Add a folder with videos, or upload some: as soon as the "
                "first is indexed, it can be found in the Search view."
            )
        return
    numbers = {
        "videos": str(summary.videos),
        "in all": clock(summary.hours * 3600).split(".")[0],
        "segments": str(summary.segments),
        "sketches": str(summary.sketched),
        "on the disk": in_megabytes(summary.size_bytes),
    }
    with st.container(key="library-numbers"):
        for number, (name, value) in enumerate(numbers.items()):
            with st.container(key=f"number-{number}", gap=None):
                st.text(value)
                st.text(name)
    with st.container(key="library-made", gap=None):
        for line in _how_made(summary):
            st.text(line)


def _how_made(summary: Summary) -> list[str]:
    lines = []
    if summary.model:
        lines.append(f"Model {printable(summary.model)}, head {printable(str(summary.head))}")
    if summary.vocabulary:
        tagged = counted(summary.tagged, "segment")
        lines.append(f"Tags from {printable(summary.vocabulary)}, on {tagged}")
    return lines


def _draw_library(library: Store, summary: Summary | None, *, may: bool) -> None:
    st.subheader("Files", anchor=False)
    files.draw(library, may_change=may)
    with st.expander("Space used", icon=":material/hard_drive:"):
        for part in space.parts(library):
            remark = ", can be deleted at any time" if part.is_cache else ""
            st.text(f"{in_megabytes(part.size_bytes)}  {printable(part.name)}{remark}")
    if may and summary is not None and summary.model:
        rebuild.draw(library)
