"""What the search page shows, kept in its address: it can be shared, and the back button works."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import streamlit as st

from search.queries.language import parse
from search.queries.options import read_day, read_length
from search.queries.query import Filters, Query, QueryMistake, Term, TermKind

COUNTS = (12, 24, 48)  # a grid of two, three or four columns has no gap at its end
LONGEST_QUERY = 500
MOST_TAGS, LONGEST_TAG = 5, 200
MOST_JUDGED = 20
LONGEST_DRAWING = 4000

Value = TypeVar("Value")

FILTER_NAMES = ("in", "after", "before", "min", "max")


@dataclass(frozen=True)
class Address:
    """The query as typed, what narrows it, how many videos to list, the segment watched.

    filters: by name of the parameter, as typed
    picture, drawing: one that is searched for as well
    like, unlike: numbers of segments that were right and wrong
    """

    query: str
    tags: tuple[str, ...]
    filters: dict[str, str]
    picture: str | None
    drawing: str | None
    like: tuple[int, ...]
    unlike: tuple[int, ...]
    count: int
    play: int | None

    @property
    def asks(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.query or self.tags or self.picture or self.drawing or self.like)

    def as_query(self) -> Query:
        """What to search for.

        Raises QueryMistake; a file of the server is one, since it may not be everybody's to see.
        """
        query = parse(self.query) if self.query else Query()
        _refuse_files(query)
        more = [Term(self.picture, TermKind.KEPT)] if self.picture else []
        more += [Term(self.drawing, TermKind.DRAWING)] if self.drawing else []
        first = (*(query.steps[0] if query.steps else ()), *more)
        return replace(
            query,
            steps=(first, *query.steps[1:]) if first else (),
            filters=self._filters(query.filters),
            like=(*query.like, *map(str, self.like)),
            unlike=(*query.unlike, *map(str, self.unlike)),
            k=self.count if query.k == Query.k else query.k,
        )

    def _filters(self, typed: Filters) -> Filters:
        tags = (*typed.tags, *(tag for tag in self.tags if tag not in typed.tags))
        folder = self.filters.get("in")
        return replace(
            typed,
            tags=tags,
            folders=(*typed.folders, *([folder] if folder else [])),
            after=self._typed("after", read_day, typed.after),
            before=self._typed("before", read_day, typed.before),
            min_length_s=self._typed("min", read_length, typed.min_length_s),
            max_length_s=self._typed("max", read_length, typed.max_length_s),
        )

    def _typed(
        self, name: str, understand: Callable[[str], Value], other: Value | None
    ) -> Value | None:
        return understand(self.filters[name]) if name in self.filters else other


def read() -> Address:
    """The address as it is now; what makes no sense in it counts as not said."""
    count = _number("k")
    filters = {name: st.query_params.get(name, "").strip()[:LONGEST_TAG] for name in FILTER_NAMES}
    return Address(
        query=st.query_params.get("q", "").strip()[:LONGEST_QUERY],
        tags=_tags(),
        filters={name: text for name, text in filters.items() if text},
        picture=_matching("picture", r"[0-9a-f]{32}"),
        drawing=_matching("drawing", rf"[A-Za-z0-9_-]{{1,{LONGEST_DRAWING}}}"),
        like=_numbers("like"),
        unlike=_numbers("unlike"),
        count=count if count in COUNTS else COUNTS[0],
        play=_number("play"),
    )


def ask(query: str) -> None:
    """Search for this and nothing else."""
    st.query_params.from_dict({"q": query})


def put(name: str, value: str | Sequence[str] | None) -> None:
    """Set one parameter, or take it out; the player is closed."""
    stop_playing()
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def judge(segment: int, verdict: str | None) -> None:
    """Say that a result is right ("like"), wrong ("unlike"), or neither; the player is closed."""
    asked = read()
    for name, judged in (("like", asked.like), ("unlike", asked.unlike)):
        others = [str(one) for one in judged if one != segment]
        kept = [*others, str(segment)][-MOST_JUDGED:] if name == verdict else others
        put(name, kept)


def forget_judgements() -> None:
    """Search as if nothing had been said of the results."""
    st.query_params.pop("like", None)
    st.query_params.pop("unlike", None)


def play(segment: int) -> None:
    """Open the player on a segment."""
    st.query_params["play"] = str(segment)


def stop_playing() -> None:
    """Close the player."""
    st.query_params.pop("play", None)


def _tags() -> tuple[str, ...]:
    given = (tag.strip()[:LONGEST_TAG] for tag in st.query_params.get_all("tag"))
    return tuple(dict.fromkeys(filter(None, given)))[:MOST_TAGS]


def _matching(name: str, form: str) -> str | None:
    text = st.query_params.get(name, "")
    return text if re.fullmatch(form, text) else None


def _numbers(name: str) -> tuple[int, ...]:
    given = (_as_number(text) for text in st.query_params.get_all(name)[:MOST_JUDGED])
    return tuple(dict.fromkeys(number for number in given if number is not None))


def _number(name: str) -> int | None:
    return _as_number(st.query_params.get(name, ""))


def _as_number(text: str) -> int | None:
    # Long digits would not fit into the catalog's numbers.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _refuse_files(query: Query) -> None:
    for term in (term for step in query.steps for term in step):
        if term.kind is TermKind.PICTURE:
            raise QueryMistake(
                "pictures are not named here but given: press 'Picture' and drop one"
            )
