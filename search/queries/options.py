"""The options of a query: what they are called, how they are read, and how they are written."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from search.queries.query import Query, QueryMistake, Term, TermKind
from search.queries.times import day, length_seconds
from search.queries.words import quoted

FILE_STARTS = ("./", "../", "~/", "/")

Write = Callable[[Query], list[str]]  # the option's values, as text
Put = Callable[[Query, str], Query]  # the query with this value


def read_length(value: str) -> float:
    """A length of time in seconds. Raises QueryMistake."""
    seconds = length_seconds(value)
    if seconds is None or not math.isfinite(seconds):
        raise QueryMistake(f"{value!r} is no length of time: write 15s, 2m, 1h or 1:30")
    return seconds


def read_day(value: str) -> date:
    """The day on which a year, month or day begins. Raises QueryMistake."""
    found = day(value)
    if found is None:
        raise QueryMistake(f"{value!r} is no day: write 2024-05-17, 2024-05 or 2024")
    return found


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 6 and int(value) > 0):
        raise QueryMistake(f"{value!r} is no number of results: write a whole number from 1 on")
    return int(value)


def _probability(value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise QueryMistake(f"{value!r} is no probability: write a number from 0 to 1")
    return found


def _picture(query: Query, value: str) -> Query:
    term = Term(value if value.startswith(FILE_STARTS) else f"./{value}", TermKind.PICTURE)
    first = (*(query.steps[0] if query.steps else ()), term)
    return replace(query, steps=(first, *query.steps[1:]))


def _put(name: str, convert: Callable[[str], Any]) -> Put:
    """Puts a value into the query, or into its filters for a name like "filters.tags"."""
    return _changing(name, lambda _, value: convert(value))


def _add(name: str) -> Put:
    """Adds a value to those that are there."""
    return _changing(name, lambda values, value: (*values, value))


def _changing(name: str, change: Callable[[Any, str], Any]) -> Put:
    *of_filters, name = name.split(".")

    def put(query: Query, value: str) -> Query:
        holder = query.filters if of_filters else query
        changed: Any = replace(holder, **{name: change(getattr(holder, name), value)})
        return replace(query, filters=changed) if of_filters else changed

    return put


def _some(value: Any, usual: Any = None) -> list[str]:
    if value == usual:
        return []
    return [f"{value:.15g}" if isinstance(value, float) else str(value)]


def _seconds(value: float | None) -> list[str]:
    return [] if value is None else [f"{value:.15g}s"]


def _each(values: Sequence[str]) -> list[str]:
    return [quoted(value) for value in values]


# Each option with how its values are written, and what it does to a query.
OPTIONS: dict[str, tuple[Write, Put]] = {
    "--within": (lambda q: _seconds(q.within_s), _put("within_s", read_length)),
    "--image": (lambda q: [], _picture),
    "--like": (lambda q: _each(q.like), _add("like")),
    "--unlike": (lambda q: _each(q.unlike), _add("unlike")),
    "--tag": (lambda q: _each(q.filters.tags), _add("filters.tags")),
    "--tag-min": (
        lambda q: _some(q.filters.min_probability),
        _put("filters.min_probability", _probability),
    ),
    "--in": (lambda q: _each(q.filters.folders), _add("filters.folders")),
    "--after": (lambda q: _some(q.filters.after), _put("filters.after", read_day)),
    "--before": (lambda q: _some(q.filters.before), _put("filters.before", read_day)),
    "--min-length": (
        lambda q: _seconds(q.filters.min_length_s),
        _put("filters.min_length_s", read_length),
    ),
    "--max-length": (
        lambda q: _seconds(q.filters.max_length_s),
        _put("filters.max_length_s", read_length),
    ),
    "--k": (lambda q: _some(q.k, Query.k), _put("k", _count)),
    "--per-video": (lambda q: _some(q.per_video, Query.per_video), _put("per_video", _count)),
}
