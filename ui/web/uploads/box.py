"""The part of the page that takes videos by click, by drop, and by keyboard, and sends them off."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from search.catalog.settings import UiSettings
from ui.web.shared.access import upload_token
from ui.web.uploads import route as upload_route

_HTML = """
<label class="box">
  <input type="file" multiple accept="video/*,.mkv,.ts,.mts,.m2ts,.flv,.wmv,.avi,.gif">
  <span class="call">Choose videos, or drop them here</span>
  <span class="limit"></span>
</label>
<ul class="files" aria-live="polite"></ul>
"""
_SCRIPT = Path(__file__).with_suffix(".js")
_STYLE = Path(__file__).with_suffix(".css")


def draw(settings: UiSettings, *, model: str, on_uploaded: Callable[[], None]) -> None:
    """The box. `on_uploaded` is called when all files of one drop are stored or refused.

    model: what to index with in a library that has no model yet; empty for the usual one
    """
    mount = st.components.v2.component(
        "kinodex_upload",
        html=_HTML,
        css=_STYLE.read_text(encoding="utf-8"),
        js=_SCRIPT.read_text(encoding="utf-8"),
    )
    mount(
        key="upload",
        data={
            "address": upload_route.PATH,
            "token_header": upload_route.TOKEN_HEADER,
            "token": upload_token(),
            "limit_mb": settings.upload_limit_mb,
            "most_files": settings.upload_files,
            "model": model,
        },
        on_uploaded_change=on_uploaded,
    )
