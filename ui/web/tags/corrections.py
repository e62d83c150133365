"""The part of the tags view that lists what people have said of tags, to take it back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import streamlit as st
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from search.catalog.store import Store
from search.catalog.tables import Segment, Video, VideoPath
from search.catalog.tag_tables import Correction
from search.tags.corrections import applies
from search.wording import counted, printable
from ui.web.shared import address, components
from ui.web.tags import address as tags_address
from ui.web.tags.address import PAGE, TagsAddress

PAGE_LENGTH = 25

_TROUBLE = "taking back failed"


@dataclass(frozen=True)
class ListedWord:
    """A person's word. `path` and `segment` are None while the video is away."""

    number: int
    label: str
    holds: bool
    start_s: float
    end_s: float
    said_at: datetime
    path: Path | None
    segment: int | None


def draw(library: Store, asked: TagsAddress) -> None:
    """Draw the page of words that the address names."""
    with library.reading() as session:
        count = session.scalar(select(func.count(Correction.id))) or 0
        pages = max(math.ceil(count / PAGE_LENGTH), 1)
        page = min(asked.page, pages)
        words = list_said(session, page=page)
    if trouble := st.session_state.pop(_TROUBLE, None):
        components.message(trouble)
    if not words:
        components.message(
            "nobody has said anything of tags yet: open a label and press Right or Wrong"
        )
        return
    st.text(
        f"{counted(count, 'word')} of people, the newest first. They count more than the model's, "
        "and stay when tags are made again."
    )
    for number, word in enumerate(words):
        _draw_word(library, word, number)
    tags_address.page_box(PAGE, page, pages)


def list_said(session: Session, *, page: int) -> list[ListedWord]:
    """One page of what people have said, the newest first; the first page is 1."""
    rows = session.scalars(
        select(Correction)
        .order_by(Correction.said_at.desc(), Correction.id.desc())
        .limit(PAGE_LENGTH)
        .offset(PAGE_LENGTH * (page - 1))
    ).all()
    places = _places(session, [row.id for row in rows])
    return [
        ListedWord(
            row.id,
            row.label,
            row.holds,
            row.start_s,
            row.end_s,
            row.said_at,
            *places.get(row.id, (None, None)),
        )
        for row in rows
    ]


def take_back(library: Store, number: int) -> None:
    """Delete a person's word; for buttons."""
    try:
        with library.writing() as session:
            session.execute(delete(Correction).where(Correction.id == number))
    except DatabaseError as error:
        st.session_state[_TROUBLE] = f"that could not be taken back: {error.orig}"


def _places(session: Session, words: Sequence[int]) -> dict[int, tuple[Path, int]]:
    """For each word whose video is there: its path, and the first segment that it is about."""
    rows = session.execute(
        select(Correction.id, VideoPath.path, func.min(Segment.id))
        .join(Video, Video.content_hash == Correction.content_hash)
        .join(VideoPath, VideoPath.video_id == Video.id)
        .join(Segment, Segment.video_id == Video.id)
        .where(Correction.id.in_(words), VideoPath.missing_since.is_(None), applies())
        .group_by(Correction.id, VideoPath.path)
        .order_by(VideoPath.path)
    )
    found: dict[int, tuple[Path, int]] = {}
    for number, path, segment in rows:
        found.setdefault(number, (path, segment))
    return found


def _draw_word(library: Store, word: ListedWord, number: int) -> None:
    # The number makes a name for style sheets that no label is part of.
    with st.container(key=f"said-{number}", horizontal=True, vertical_alignment="center"):
        with st.container(key=f"said-about-{number}", gap=None, width="stretch"):
            with st.container(key=f"said-label-{number}"):
                st.text(printable(word.label) if word.holds else f"not {printable(word.label)}")
            st.text(_where(word))
        if word.segment is not None:
            st.button(
                "Watch",
                key=f"watch-said-{word.number}",
                icon=":material/play_arrow:",
                type="tertiary",
                on_click=address.play,
                args=(word.segment,),
            )
        st.button(
            "Take back",
            key=f"take-back-{word.number}",
            icon=":material/undo:",
            type="tertiary",
            on_click=take_back,
            args=(library, word.number),
        )


def _where(word: ListedWord) -> str:
    name = printable(word.path.name) if word.path else "a video that is away"
    return f"{name}, {components.span(word.start_s, word.end_s)}, {word.said_at:%Y-%m-%d %H:%M} UTC"
