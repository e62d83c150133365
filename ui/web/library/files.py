"""The part of the library view that lists files: indexed, waiting, failed with the reason, gone."""

from pathlib import Path

import streamlit as st

from search.catalog.files import ListedFile, Shown, count_files, list_files
from search.catalog.store import Store
from search.wording import clock, counted, in_megabytes, printable
from ui.web.jobs import view as library_work
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared import components
from ui.web.shared.paging import Paging

PAGE_LENGTH = 25

_KIND, _PAGE = "show", "page"  # their names in the address

_NOTHING = {
    Shown.INDEXED: "No video is indexed yet: add some above.",
    Shown.WAITING: "Nothing is waiting to be indexed.",
    Shown.FAILED: "No file has failed.",
    Shown.MISSING: "No file is missing.",
}
_REMARKS = {
    Shown.WAITING: "These are indexed next, or when the same is added again.",
    Shown.MISSING: "These were not in their places at the last look. What is out of reach is found "
    "again as soon as it can be opened; what is missing when it is back and its folder is added "
    "again.",
}


def draw(library: Store, *, may_change: bool) -> None:
    """Draw the kind and the page of files that the address names."""
    with library.reading() as session:
        counts = count_files(session)
    with st.container(key="files"):
        kind = _kind_box(counts)
        if not counts[kind]:
            st.text(_NOTHING[kind])
            return
        if kind in _REMARKS:
            st.text(_REMARKS[kind])
        if kind is Shown.FAILED and may_change:
            _retry_all_button(library.folder, counts[kind])
        paging = Paging(_PAGE, PAGE_LENGTH, counts[kind])
        with library.reading() as session:
            files = list_files(session, kind, start=paging.start, count=PAGE_LENGTH)
        for number, file in enumerate(files):
            _draw_file(library.folder, file, number, may_change=may_change)
        paging.box()


def _kind_box(counts: dict[Shown, int]) -> Shown:
    st.session_state[_KIND] = _asked_kind()
    st.segmented_control(
        "Files to list",
        list(Shown),
        key=_KIND,
        format_func=lambda kind: f"{counts[kind]} {kind}",
        required=True,
        on_change=_change_kind,
        label_visibility="collapsed",
    )
    return _asked_kind()


def _asked_kind() -> Shown:
    try:
        return Shown(st.query_params.get(_KIND, Shown.INDEXED))
    except ValueError:
        return Shown.INDEXED


def _change_kind() -> None:
    st.query_params[_KIND] = st.session_state[_KIND]
    st.query_params.pop(_PAGE, None)


def _retry_all_button(folder: Path, count: int) -> None:
    st.button(
        "Try all again" if count > 1 else "Try again",
        key="retry-all",
        icon=":material/refresh:",
        on_click=library_work.ask,
        args=(JobRequest(JobKind.RETRY, folder),),
    )


def _draw_file(folder: Path, file: ListedFile, number: int, *, may_change: bool) -> None:
    # The number makes a name for style sheets that no file name is part of.
    with st.container(key=f"file-{number}", horizontal=True, vertical_alignment="center"):
        with st.container(key=f"file-about-{number}", gap=None):
            with st.container(key=f"file-name-{number}"):
                st.text(printable(file.path.name))
            st.text(printable(file.path.parent))
            if said := _details(file):
                st.text(said)
        if file.first_segment is not None:
            key = f"watch-{number}-{file.first_segment}"
            components.play_button("Watch", file.first_segment, key=key)
        elif file.reason is not None and may_change:
            st.button(
                "Try again",
                key=f"retry-{number}",
                icon=":material/refresh:",
                type="tertiary",
                on_click=library_work.ask,
                args=(JobRequest(JobKind.RETRY, folder, (file.path,)),),
            )


def _details(file: ListedFile) -> str:
    """What else is known of a file, in one line."""
    said = []
    if file.reason is not None:
        tried = "tried once" if file.attempts == 1 else f"tried {file.attempts} times"
        said.append(f"{printable(file.reason)} ({tried})")
    if file.duration_s is not None:
        said += [clock(file.duration_s), counted(file.segments, "segment")]
    if file.bad_frames:
        said.append(f"damaged: {counted(file.bad_frames, 'frame')} left out")
    said.append(in_megabytes(file.size_bytes))
    if file.missing_since is not None:
        said.append(f"missing since {file.missing_since:%Y-%m-%d %H:%M} UTC")
    elif file.closed_since is not None:
        said.append(f"out of reach since {file.closed_since:%Y-%m-%d %H:%M} UTC")
    return ", ".join(said)
