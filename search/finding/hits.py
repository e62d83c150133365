"""What a search returns."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.queries.query import Query, TermKind
from search.tags.reading import Tag

WEAK_BELOW, STRONG_FROM = 0.5, 0.8  # of a match

NONE_IS_SURE = "no match is sure: probably nothing here shows this"
CANNOT_BE_TOLD = "this model cannot tell whether something shows this"


@dataclass(frozen=True)
class Why:
    """The scores behind a hit, comparable within one answer and no further.

    The first two are cosines: with the text, or with the label where no text was given. A
    re-ranker's score, where there is one, is what ranks the hit; so is that of a query of several
    terms, 1 at best. `tag_probability` says how likely
    the labels hold that were asked for; without a text it ranks the hit. `terms` says of each term
    of a query that has several how near the segment is to it: terms as written, and cosines.
    """

    segment_similarity: float | None
    frame_similarity: float | None
    rerank_score: float | None = None
    tag_probability: float | None = None
    terms: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Moment:
    """A segment that matches, with the time inside it that matches best. Times in seconds.

    Neighbours that show the same thing are one moment: `segment` is the best of them, and
    `start_s` to `end_s` spans them all.

    match: 0 to 1, how surely it matches beside what this library holds otherwise; None where that
        cannot be told
    """

    segment: int
    start_s: float
    end_s: float
    best_s: float
    score: float
    match: float | None
    why: Why
    tags: tuple[Tag, ...]  # best first


@dataclass(frozen=True)
class Hit(Moment):
    """A video that matches: its best moment, and its other matching moments, best first.

    steps: of "first this, then that" the moment of each step; the hit itself then spans them all
    """

    video: str  # the hash of its content
    # Where this content lies now: first a place that exists, and in a folder that was asked for.
    paths: tuple[Path, ...]
    moments: tuple[Moment, ...] = ()
    steps: tuple[Moment, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values. A path that is not valid text keeps its bytes as surrogate escapes."""
        paths = [str(path) for path in self.paths]
        return {"video": self.video, **asdict(self), "paths": paths}


def match_word(match: float) -> str:
    """How surely something matches, in a word."""
    if match < WEAK_BELOW:
        return "weak"
    return "strong" if match >= STRONG_FROM else "likely"


def all_weak(hits: Sequence[Hit]) -> bool:
    """Whether matches are known, and none of them is sure."""
    known = [hit.match for hit in hits if hit.match is not None]
    return bool(known) and max(known) < WEAK_BELOW


def cannot_be_told(hits: Sequence[Hit], query: Query) -> bool:
    """Whether a text was asked for of which the model does not know if anything shows it."""
    asks_words = len(query.steps) == 1 and any(
        term.kind is TermKind.TEXT and term.weight > 0 for term in query.steps[0]
    )
    return asks_words and bool(hits) and all(hit.match is None for hit in hits)


def remark_on(hits: Sequence[Hit], query: Query) -> str:
    """What is to be said of hits as a whole; empty where they speak for themselves."""
    if all_weak(hits):
        return NONE_IS_SURE
    return CANNOT_BE_TOLD if cannot_be_told(hits, query) else ""
