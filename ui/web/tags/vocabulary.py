"""The part of the tags view that says what the labels are, and tags the library with others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import streamlit as st

from models.errors import KinodexError
from search.catalog.settings import AUTO, TagSettings, UiSettings
from search.catalog.store import Store
from search.tags.reading import active_vocabulary
from search.tags.vocabulary import read_vocabulary, shipped_names
from search.wording import counted, printable
from ui.web.jobs import asking
from ui.web.jobs import view as library_work
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared import components
from ui.web.shared.access import checked_folder, may_name_folders
from ui.web.shared.changes import change
from ui.web.tags.own_lists import LONGEST_NAME, LONGEST_TEXT, keep_list, kept_lists, read_list

_NAMED = 12  # labels that a preview names


class _From(StrEnum):
    """Where other labels come from."""

    LIST = "A list that is here"
    WRITTEN = "Write a list"
    FILE = "A file on this machine"


@dataclass(frozen=True)
class _Choice:
    """Other labels: how they are called, what they are, and how `kinodex tag` gets at them."""

    name: str
    labels: tuple[str, ...]
    repeated: int
    vocabulary: Callable[[], str]


def draw(library: Store, settings: UiSettings, *, may_change: bool) -> None:
    """Draw what is in use, the work under way and, for those who may, the choice of others."""
    in_use = _labels_in_use(library)
    _draw_in_use(library)
    library_work.draw(library.folder, may_change=may_change)
    if not may_change:
        st.text("On this page labels cannot be changed: see 'allow_changes' in the guide.")
        return
    st.subheader("Tag with other labels", anchor=False)
    with st.container(key="vocabulary-choice"):
        try:
            choice = _chosen(library, settings)
        except KinodexError as error:
            components.message(error)
            return
        if choice is not None:
            _draw_preview(choice, in_use)
            if st.button("Tag with these labels …", key="change-vocabulary", type="primary"):
                _confirm(library, choice)


def _labels_in_use(library: Store) -> frozenset[str]:
    with library.reading() as session:
        vocabulary = active_vocabulary(session)
        return frozenset(label.text for label in vocabulary.labels) if vocabulary else frozenset()


def _draw_in_use(library: Store) -> None:
    with library.reading() as session:
        vocabulary = active_vocabulary(session)
        if vocabulary is None:
            st.text("This library has no labels yet. Choose some: no video is read for that.")
            return
        lines = [
            f"In use: {printable(vocabulary.name)}, {counted(len(vocabulary.labels), 'label')}, "
            f"since {vocabulary.created_at:%Y-%m-%d}",
            f"A label holds from a probability of {100 * vocabulary.min_probability:.0f} % on; "
            f"a segment has at most {counted(vocabulary.most, 'tag')} of the model's.",
        ]
    with st.container(key="vocabulary-in-use", gap=None):
        for line in lines:
            st.text(line)


def _chosen(library: Store, settings: UiSettings) -> _Choice | None:
    """The labels that the fields name; None while they are empty. Raises KinodexError."""
    sources = [one for one in _From if one is not _From.FILE or may_name_folders(settings)]
    source = st.segmented_control(
        "Labels from",
        sources,
        default=_From.LIST,
        key="vocabulary-source",
        required=True,
        label_visibility="collapsed",
    )
    if source is _From.WRITTEN:
        return _written(library)
    if source is _From.FILE:
        return _from_file(settings)
    return _listed(library)


def _listed(library: Store) -> _Choice:
    own = {f"{file.name} (written here)": str(file) for file in kept_lists(library)}
    places = {name: name for name in shipped_names()} | own
    name = st.selectbox("List", list(places), key="vocabulary-list")
    words = read_vocabulary(places[name])
    return _Choice(words.name, words.labels, 0, lambda: places[name])


def _written(library: Store) -> _Choice | None:
    text = st.text_area(
        "Labels, one a line",
        key="vocabulary-text",
        height=220,
        max_chars=LONGEST_TEXT,
        placeholder="opening a bottle\nriding a bicycle\nwashing dishes",
    )
    name = st.text_input(
        "Name of the list", key="vocabulary-name", max_chars=LONGEST_NAME, placeholder="own"
    )
    if not text.strip():
        st.text("Press Ctrl+Enter, or leave the field, when the list is complete.")
        return None
    own = read_list(text)
    return _Choice(
        name.strip() or "own",
        own.labels,
        own.repeated,
        lambda: str(keep_list(library, name, own.labels)),
    )


def _from_file(settings: UiSettings) -> _Choice | None:
    typed = st.text_input(
        "Path of a text file with one label a line",
        key="vocabulary-file",
        placeholder="/home/me/labels.txt",
    )
    if not typed.strip():
        return None
    file: Path = checked_folder(typed, settings)
    words = read_vocabulary(str(file))
    return _Choice(words.name, words.labels, 0, lambda: str(file))


def _draw_preview(choice: _Choice, in_use: frozenset[str]) -> None:
    new = sum(label not in in_use for label in choice.labels)
    said = f"{counted(len(choice.labels), 'label')}, {new} of them not in use now"
    if choice.repeated:
        said += f"; {choice.repeated} named twice"
    with st.container(key="vocabulary-preview", gap=None):
        st.text(f"{said}.")
        st.text(_first(choice.labels))


def _first(labels: Sequence[str]) -> str:
    named = ", ".join(printable(label) for label in labels[:_NAMED])
    return f"{named} …" if len(labels) > _NAMED else named


def _confirm(library: Store, choice: _Choice) -> None:
    def asked() -> None:
        st.text(
            f"The model's tags are replaced by tags of {printable(choice.name)} "
            f"({counted(len(choice.labels), 'label')}). What people have said is kept. No video "
            "is read. Labels that this library has never had are read by the model first: with "
            "a large model and no GPU that takes about a second each."
        )
        if (set_to := library.settings(TagSettings).vocabulary) != AUTO:
            st.text(
                f"The settings of this library name {printable(Path(set_to).name)}: the next "
                "'kinodex tag' goes back to that."
            )
        if library_work.is_busy(library.folder):
            st.text("Other work is going on: this begins after it.")
        with st.container(horizontal=True):
            if st.button("Yes, go on", key="yes-vocabulary", type="primary"):
                _begin(library, choice)
            if st.button("Cancel", key="no-vocabulary"):
                st.rerun()

    st.dialog("Tag with other labels?")(asked)()


def _begin(library: Store, choice: _Choice) -> None:
    try:
        _keep_and_tag(library, choice)
    except KinodexError as error:
        components.message(error)
    else:
        st.rerun()


@change
def _keep_and_tag(library: Store, choice: _Choice) -> None:
    """A list that was written is kept, so that the tags can name it."""
    asking.begin(JobRequest(JobKind.TAG, library.folder, name=choice.vocabulary()))
