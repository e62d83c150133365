"""Long lists in pages: which page the address asks for, and the choice of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from ui.web.shared import address

Item = TypeVar("Item")


@dataclass(frozen=True)
class Paging:
    """The page of a list that the address asks for.

    name: of the parameter; length: of a page; count: of the list
    """

    name: str
    length: int
    count: int

    @property
    def pages(self) -> int:
        """How many pages the list has; an empty one has one."""
        return max(1, math.ceil(self.count / self.length))

    @property
    def page(self) -> int:
        """The page asked for, from 1; what makes no sense counts as the first or the last."""
        return min(page_number(self.name), self.pages)

    @property
    def start(self) -> int:
        """The place in the list at which the page begins, from 0."""
        return self.length * (self.page - 1)

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """The page of the whole list."""
        return items[self.start : self.start + self.length]

    def box(self) -> None:
        """Draw the choice of a page, where there are several."""
        if self.pages == 1:
            return
        # Another page, another box: it shows what the address says, whatever it was told before.
        key = f"{self.name}-box-{self.page}-of-{self.pages}"
        st.pagination(
            self.pages,
            default=self.page,
            key=key,
            on_change=lambda: _turn_to(self.name, st.session_state[key]),
        )


def page_number(name: str) -> int:
    """The page that a parameter of the address names, from 1."""
    text = st.query_params.get(name, "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _turn_to(name: str, page: int) -> None:
    address.put(name, str(page) if page > 1 else None)
