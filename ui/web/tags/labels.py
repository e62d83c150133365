"""The part of the tags view that lists labels, each with its count and a few of its segments."""

import streamlit as st

from search.catalog.store import Store
from search.tags.counting import CountedLabel, Sort, chosen, count_labels, examples
from search.wording import counted, printable
from ui.web.shared import components
from ui.web.shared.address import LONGEST_TAG
from ui.web.shared.paging import Paging
from ui.web.shared.pictures import Pictures
from ui.web.tags import address as tags_address
from ui.web.tags.address import EVERY, FIND, PAGE, SORT, Show, TagsAddress

PAGE_LENGTH = 24

_SORT_NAMES = {Sort.COUNT: "Most frequent first", Sort.NAME: "By name"}


def draw(library: Store, pictures: Pictures, asked: TagsAddress) -> None:
    """Draw the page of labels that the address names."""
    with library.reading() as session:
        found = count_labels(session)
        labels = chosen(found.labels, find=asked.find, sort=asked.sort, every=asked.every)
        paging = Paging(PAGE, PAGE_LENGTH, len(labels))
        shown = paging.of(labels)
        surest = [examples(session, found, label) for label in shown]
    if not found.labels:
        _draw_nothing()
        return
    _draw_choices(asked)
    with st.container(key="labels-summary"):
        st.text(_summary(len(labels), len(found.labels), asked))
    with st.container(key="labels"):
        for number, (label, segments) in enumerate(zip(shown, surest, strict=True)):
            _draw_label(label, [pictures.tile(one.segment) for one in segments], number)
    paging.box()


def _draw_nothing() -> None:
    components.message("nothing is tagged yet: choose what to look for")
    st.button(
        "Choose labels",
        key="choose-labels",
        type="primary",
        on_click=tags_address.show,
        args=(Show.VOCABULARY,),
    )


def _draw_choices(asked: TagsAddress) -> None:
    keys = {name: f"tags-{name}" for name in (FIND, SORT, EVERY)}
    st.session_state[keys[FIND]] = asked.find
    st.session_state[keys[SORT]] = asked.sort
    st.session_state[keys[EVERY]] = asked.every
    with st.container(key="label-choices", horizontal=True, vertical_alignment="center"):
        st.text_input(
            "Find a label",
            key=keys[FIND],
            placeholder="Find a label",
            icon=":material/search:",
            max_chars=LONGEST_TAG,
            label_visibility="collapsed",
            on_change=lambda: tags_address.put(FIND, st.session_state[keys[FIND]].strip()),
        )
        st.selectbox(
            "Order",
            list(Sort),
            key=keys[SORT],
            format_func=_SORT_NAMES.__getitem__,
            label_visibility="collapsed",
            width=210,
            on_change=lambda: tags_address.put(SORT, _unless_usual(st.session_state[keys[SORT]])),
        )
        st.toggle(
            "Unused labels too",
            key=keys[EVERY],
            on_change=lambda: tags_address.put(EVERY, "1" if st.session_state[keys[EVERY]] else ""),
        )


def _unless_usual(sort: Sort) -> str:
    return "" if sort is Sort.COUNT else sort.value


def _summary(listed: int, all_labels: int, asked: TagsAddress) -> str:
    kind = "label" if asked.every else "label in use"
    count = counted(listed, kind) if asked.every else f"{counted(listed, 'label')} in use"
    if asked.find:
        count += f" with “{printable(asked.find)}”"
    if not listed and not asked.every:
        return count + ". Unused labels are not listed."
    return count if asked.every and not asked.find else f"{count}, of {all_labels} known"


def _draw_label(label: CountedLabel, tiles: list[bytes | None], number: int) -> None:
    # The number makes a name for style sheets that no label is part of.
    with st.container(key=f"label-{number}", gap="xsmall"):
        st.button(
            components.literal(label.text),
            key=f"open-label-{number}",
            type="tertiary",
            on_click=tags_address.open_label,
            args=(label.text,),
        )
        with st.container(
            key=f"label-about-{number}", horizontal=True, vertical_alignment="center"
        ):
            st.text(_count(label), width="stretch")
            if label.segments:
                components.search_link("Search", tag=label.text)
        if pictures := [tile for tile in tiles if tile]:
            with st.container(key=f"tiles-{number}"):
                st.image(pictures, width=112)


def _count(label: CountedLabel) -> str:
    said = counted(label.segments, "segment")
    return f"{said}, {label.by_person} by people" if label.by_person else said
