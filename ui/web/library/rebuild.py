"""The part of the library view that makes things anew, each after a question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.errors import KinodexError
from models.heads.checkpoints import default_head
from models.identity import BUNDLED, IMAGENET, MEAN_POOLING
from models.imagenet.packages import is_installed
from models.named import NAMES
from search.catalog.spaces import active_space, choice_of
from search.catalog.store import Store
from search.tags.vocabulary import shipped_names
from search.wording import in_megabytes
from ui.web.jobs import view as library_work
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.library import space as library_space
from ui.web.shared.changes import change


@dataclass(frozen=True)
class Action:
    """One thing that can be made anew.

    label: on its button; what: in a sentence; question: what to know before saying yes
    choices: what it is done with, by the name that a request has for it; empty for no choice
    """

    key: str
    label: str
    what: str
    question: str
    do: Callable[[str], None]
    choices: Sequence[str] = ()


def draw(library: Store) -> None:
    """Draw the list of actions, for visitors who may change things."""
    with st.expander("Rebuild and clean up", icon=":material/build:"):
        for action in _actions(library):
            with st.container(
                key=f"action-{action.key}", horizontal=True, vertical_alignment="center"
            ):
                st.text(action.what, width="stretch")
                if st.button(action.label, key=f"ask-{action.key}"):
                    _confirm(library.folder, action)


def _confirm(folder: Path, action: Action) -> None:
    def asked() -> None:
        with st.container(key="title"):
            st.text(f"{action.label}?")
        st.text(action.question)
        chosen = ""
        if action.choices:
            chosen = st.selectbox("With", action.choices, key=f"choice-{action.key}")
        if library_work.is_busy(folder):
            st.text("Other work is going on: this begins after it.")
        with st.container(horizontal=True):
            if st.button("Yes, go on", key=f"yes-{action.key}", type="primary"):
                _do(action, chosen)
                st.rerun()
            if st.button("Cancel", key=f"no-{action.key}"):
                st.rerun()

    st.dialog(f"{action.label}?")(asked)()


def _do(action: Action, chosen: str) -> None:
    try:
        action.do(chosen)
    except KinodexError as error:
        st.toast(str(error))


@change
def _delete_caches(library: Store) -> None:
    st.toast(f"{in_megabytes(library_space.delete_caches(library))} given back")


def _actions(library: Store) -> list[Action]:
    def job(kind: JobKind, *, redo: bool = False) -> Callable[[str], None]:
        def ask(name: str) -> None:
            library_work.ask(JobRequest(kind, library.folder, name=name, redo=redo))

        return ask

    return [
        Action(
            "reindex",
            "Index everything again",
            "Reads every video again, with another model or with settings that were changed.",
            "Every video is read again, which takes as long as the first time; what was made with "
            "this model and these settings already is not. Until then searches find what they find "
            "now. Sketches of pictures that stay the same are kept, and so are corrected tags.",
            job(JobKind.REINDEX),
            _models(library),
        ),
        Action(
            "fuse",
            "Fuse again",
            "Uses another head to make one embedding of a segment's frames. Reads no video.",
            "Searches will rank otherwise. Nothing is lost: the way back is to fuse again.",
            job(JobKind.FUSE),
            _heads(library),
        ),
        Action(
            "tag",
            "Tag again",
            "Names what happens in each segment, with the labels of a vocabulary. Reads no video.",
            "The model's tags are replaced by new ones. What people have corrected is kept.",
            job(JobKind.TAG),
            shipped_names(),
        ),
        Action(
            "sketch",
            "Sketch",
            "Draws a sketch of each segment that has none.",
            "Drawing takes seconds a segment, and can be stopped and taken up again.",
            job(JobKind.SKETCH),
        ),
        Action(
            "redraw",
            "Sketch everything again",
            "Throws all sketches away and draws them anew.",
            "All sketches are deleted first. Drawing them takes seconds a segment.",
            job(JobKind.SKETCH, redo=True),
        ),
        Action(
            "caches",
            "Delete caches",
            "Deletes pictures, clips and the vector index, which are made again when needed.",
            "Nothing is lost, but the next search and the next looks take longer.",
            lambda _: _delete_caches(library),
        ),
    ]


def _models(library: Store) -> list[str]:
    with library.reading() as session:
        space = active_space(session)
    own = [choice_of(space).name] if space else []
    packaged = [IMAGENET] if is_installed() else []
    return list(dict.fromkeys([*own, *NAMES, *packaged, BUNDLED]))


def _heads(library: Store) -> list[str]:
    with library.reading() as session:
        space = active_space(session)
    own = [default_head(choice_of(space)).name] if space else []
    return list(dict.fromkeys([*own, MEAN_POOLING]))
