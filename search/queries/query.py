"""What somebody looks for, however it was said: in the shell, in Python or on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from models.errors import KinodexError

USUAL_COUNT, USUAL_PER_VIDEO = 10, 5
MOST_STEPS, MOST_TERMS = 10, 20


class QueryMistake(KinodexError):
    """A query that cannot be understood.

    text, start, end: the query, and which of its characters are wrong
    """

    def __init__(self, message: str, text: str = "", start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.text, self.start, self.end = text, start, max(end, start + 1)

    def pointed(self) -> str:
        """The query, and below it a mark under what is wrong; empty where there is no one place."""
        if not self.text.strip():
            return ""
        shown = "".join(one if one.isprintable() else "·" for one in self.text)
        return f"{shown}\n{' ' * self.start}{'^' * (min(self.end, len(shown) + 1) - self.start)}"


class TermKind(StrEnum):
    """What a term is."""

    TEXT = "text"
    PICTURE = "picture"  # a file
    KEPT = "kept"  # a picture that the library keeps, by its digest
    SEGMENT = "segment"  # by its number, or a file and a time
    DRAWING = "drawing"  # its strokes, written as text


# How terms that are neither texts nor files are written: a prefix, and what the value looks like.
SPELLINGS = {
    TermKind.KEPT: ("picture:", r"[0-9a-f]{32}"),
    TermKind.SEGMENT: ("@", r"\d{1,18}"),
    TermKind.DRAWING: ("drawing:", r"[A-Za-z0-9_-]+"),
}


@dataclass(frozen=True)
class Term:
    """One thing looked for. A negative weight: not this."""

    value: str
    kind: TermKind = TermKind.TEXT
    weight: float = 1.0


Step = tuple[Term, ...]


@dataclass(frozen=True)
class Filters:
    """What must hold of every result.

    tags: labels that all hold, each at least as likely as `min_probability`
    folders: one of them holds the video: an absolute path, or names of folders ("trips/2024")
    after, before: it was recorded on this day or later, and before this day, by the clock of the
        place where that was; a file that does not say when it was recorded counts by its date
    min_length_s, max_length_s: of the video
    """

    tags: tuple[str, ...] = ()
    min_probability: float | None = None
    folders: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None
    min_length_s: float | None = None
    max_length_s: float | None = None

    @property
    def on_videos(self) -> bool:
        """Whether anything is asked of the video as a whole."""
        asked = (self.after, self.before, self.min_length_s, self.max_length_s)
        return bool(self.folders) or any(one is not None for one in asked)


@dataclass(frozen=True)
class Query:
    """Something to search for.

    steps: what happens, one after the other; a single one for most queries, none for tags alone
    within_s: each step begins at most so long after the end of the one before it
    like, unlike: segments that were right and wrong, as `TermKind.SEGMENT` names them
    k: how many videos to find
    per_video: how many moments of each at most
    """

    steps: tuple[Step, ...] = ()
    within_s: float | None = None
    filters: Filters = field(default_factory=Filters)
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    k: int = USUAL_COUNT
    per_video: int = USUAL_PER_VIDEO

    @property
    def asks(self) -> bool:
        """Whether there is anything to look for; filters other than tags only narrow."""
        return bool(self.steps or self.filters.tags or self.like)


def needs_model(query: Query) -> bool:
    """Whether a model has to look at anything; tags alone are in the catalog."""
    return bool(query.steps or query.like)


def check(query: Query) -> Query:
    """The query, if it makes sense as a whole. Raises QueryMistake."""
    if not query.asks:
        raise QueryMistake("the query is empty: say what to look for")
    check_count(min(query.k, query.per_video))
    for step in query.steps:
        _check_step(step)
    if len(query.steps) > MOST_STEPS:
        raise QueryMistake(f"a query may have {MOST_STEPS} steps, not {len(query.steps)}")
    if query.within_s is not None and len(query.steps) < 2:
        raise QueryMistake("'within' needs a 'then': what comes first, and what comes then?")
    if (query.like or query.unlike) and len(query.steps) > 1:
        raise QueryMistake("'like' and 'unlike' do not go together with 'then'")
    _check_filters(query.filters)
    return query


def check_count(count: int) -> None:
    """Raise QueryMistake for fewer results than one."""
    if count < 1:
        raise QueryMistake("the number of results must be at least 1")


def _check_step(step: Sequence[Term]) -> None:
    if len(step) > MOST_TERMS:
        raise QueryMistake(f"a query may have {MOST_TERMS} terms, not {len(step)}")
    if not any(term.weight > 0 for term in step):
        raise QueryMistake(
            "the query only says what it is not: say what to look for as well, before the '-'"
        )


def _check_filters(filters: Filters) -> None:
    if filters.after and filters.before and filters.after >= filters.before:
        raise QueryMistake(
            f"nothing is both after {filters.after} and before {filters.before}: turn them round"
        )
    least, most = filters.min_length_s, filters.max_length_s
    if least is not None and most is not None and least > most:
        raise QueryMistake("the shortest length is longer than the longest: turn them round")
