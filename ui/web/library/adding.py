"""The part of the library view that takes in videos: a folder of this machine, or an upload."""

from pathlib import Path

import streamlit as st
from platformdirs import user_videos_path

from models.clip.backbone import find_device
from models.clip.sources import default_choice
from models.errors import KinodexError
from models.identity import BUNDLED
from search.catalog.settings import UiSettings
from ui.web.jobs.queue import jobs_of
from ui.web.jobs.request import JobKind, JobRequest
from ui.web.shared import components
from ui.web.shared.access import checked_folder, may_name_folders
from ui.web.uploads import box as upload_box

_USUAL = ""


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
                upload_box.draw(settings, model=model, on_uploaded=_drawn_again)
        else:
            upload_box.draw(settings, model=model, on_uploaded=_drawn_again)


def _model_box() -> str:
    names = {
        _USUAL: f"{default_choice(find_device())}: for real footage; downloaded once",
        BUNDLED: "bundled: small and at hand, but knows only Kinodex' own generated clips",
    }
    return st.selectbox(
        "Model of this library",
        list(names),
        key="new-model",
        format_func=names.__getitem__,
        help="It can be changed later only by indexing everything again with 'kinodex index'.",
    )


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
        jobs_of(folder).ask(JobRequest(JobKind.INDEX, folder, (path,), name=model))
    except KinodexError as error:
        components.message(error)
    else:
        st.rerun()


def _example(settings: UiSettings) -> str:
    return settings.folders[0] if settings.folders else str(user_videos_path())


def _drawn_again() -> None:
    """Nothing: that it is called makes the page be drawn again, now with the work under way."""
