"""The part of the page that takes files by click, by drop, and by keyboard, and sends them off."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from ui.web.shared.access import upload_token
from ui.web.uploads.receiving import TOKEN_HEADER

_HTML = """
<label class="box">
  <input type="file" {multiple} accept="{accept}">
  <span class="call">{call}</span>
  <span class="limit"></span>
</label>
<ul class="files" aria-live="polite"></ul>
"""
_SCRIPT = Path(__file__).with_suffix(".js")
_STYLE = Path(__file__).with_suffix(".css")


@dataclass(frozen=True)
class Box:
    """What a box takes, and where it sends it.

    name: its key, and what Streamlit knows it by; call: what stands in it
    accept: kinds of files, as HTML has them; address: the path of a route
    query: what the address is asked besides
    """

    name: str
    call: str
    accept: str
    address: str
    limit_mb: int
    most_files: int
    query: dict[str, str] = field(default_factory=dict)


def draw(box: Box, *, on_sent: Callable[[], None]) -> None:
    """Draw it. `on_sent` is called when all files of one drop are taken or refused.

    Then the box's answer is in `answer`.
    """
    _component(box.name, box.call, box.accept, box.most_files > 1)(
        key=box.name,
        data={
            "address": box.address,
            "token_header": TOKEN_HEADER,
            "token": upload_token(),
            "limit_mb": box.limit_mb,
            "most_files": box.most_files,
            "query": box.query,
        },
        on_sent_change=on_sent,
    )


def answer(box_name: str) -> dict[str, str]:
    """What the route said to the last file that it took, for `on_sent`; empty for none."""
    said = getattr(st.session_state.get(box_name), "sent", None)
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


def _component(name: str, call: str, accept: str, multiple: bool) -> Callable[..., object]:
    return st.components.v2.component(
        f"kinodex_{name}",
        html=_HTML.format(
            multiple="multiple" if multiple else "", accept=accept, call=html.escape(call)
        ),
        css=_STYLE.read_text(encoding="utf-8"),
        js=_SCRIPT.read_text(encoding="utf-8"),
    )
