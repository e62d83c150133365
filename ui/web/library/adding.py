"""The part of the library view that takes in videos: a folder of this machine, or an upload."""

from pathlib import Path

import streamlit as st
from platformdirs import user_videos_path

from models.clip.engines.choice import kind_of_device
from models.errors import KinodexError
from models.identity import BUNDLED, IMAGENET
from models.imagenet.packages import is_installed
from models.named import BEST, FAST, GOOD, meant_by
from search.catalog.settings import UiSettings
from ui.web.jobs import asking
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared import components
from ui.web.shared.access import checked_folder, may_name_folders
from ui.web.uploads import box as upload_box
from ui.web.uploads import route as upload_route

_USUAL = ""
_TOLD = {
    FAST: "downloaded once",
    GOOD: "finds more, takes about five times as long",
    BEST: "finds most, takes many times as long",
}


def draw(folder: Path, settings: UiSettings, *, has_model: bool) -> None:
    """Draw it, for visitors who may change things.

    has_model: whether the library has its model already; if not, the visitor chooses one
    """
    with st.container(key="adding"):
        st.subheader("Add videos", anchor=False)
        with st.container():  # it keeps the place of what follows when the choice goes away
            model = _USUAL if has_model else _model_box()
        if may_name_folders(settings):
            from_folder, by_upload = st.tabs(["From a folder of this machine", "Upload"])
            with from_folder:
                _draw_path_form(folder, settings, model)
            with by_upload:
                _draw_upload_box(settings, model)
        else:
            _draw_upload_box(settings, model)


def _model_box() -> str:
    kind = kind_of_device(None)
    names = {
        _USUAL: "for real footage: good where this machine is quick enough for it, else fast",
        **{name: f"{name}: {meant_by(name, kind)}; {told}" for name, told in _TOLD.items()},
        **_packaged(),
        BUNDLED: "bundled: small and at hand, but knows only Kinodex' own generated clips",
    }
    return st.selectbox(
        "Model of this library",
        list(names),
        key="new-model",
        format_func=names.__getitem__,
        help="It can be changed later only by indexing everything again with 'kinodex index'.",
    )


def _packaged() -> dict[str, str]:
    if not is_installed():
        return {}
    return {IMAGENET: "imagenet: at hand; knows the things in real footage, not the people"}


def _draw_upload_box(settings: UiSettings, model: str) -> None:
    box = upload_box.Box(
        name="upload",
        call="Choose videos, or drop them here",
        accept="video/*,.mkv,.ts,.mts,.m2ts,.flv,.wmv,.avi,.gif",
        address=upload_route.PATH,
        limit_mb=settings.upload_limit_mb,
        most_files=settings.upload_files,
        query={"model": model},
    )
    upload_box.draw(box, on_sent=_drawn_again)


def _draw_path_form(folder: Path, settings: UiSettings, model: str) -> None:
    with st.form("add-path", border=False):
        typed = st.text_input(
            "Path of a folder or a video",
            key="typed-path",
            placeholder=_example(settings),
            max_chars=4000,
        )
        asked = st.form_submit_button("Add", icon=":material/create_new_folder:")
    with st.container(key="adding-note"):
        st.text("Videos stay where they are. Adding a folder again takes in what is new.")
    if asked:
        _add(folder, settings, typed, model)


def _add(folder: Path, settings: UiSettings, typed: str, model: str) -> None:
    try:
        path = checked_folder(typed, settings)
        asking.begin(JobRequest(JobKind.INDEX, folder, (path,), name=model))
    except KinodexError as error:
        components.message(error)
    else:
        st.rerun()


def _example(settings: UiSettings) -> str:
    return settings.folders[0] if settings.folders else str(user_videos_path())


def _drawn_again() -> None:
    """Nothing: that it is called makes the page be drawn again, now with the work under way."""
