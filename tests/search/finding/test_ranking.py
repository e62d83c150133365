"""How many segments are looked at, until there are enough videos among them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from search.finding.filters import Scope
from search.finding.grouping import Candidate
from search.finding.ranking import CandidateFinder, Search, _enough
from search.queries.query import Term

UNIT = np.eye(4)[0]


@pytest.mark.parametrize(
    ("k", "per_video", "at_least", "present", "counts"),
    [
        (2, 5, 1, 81, [20, 80, 320]),
        (2, 5, 1, 80, [20, 80]),
        (2, 5, 1, 20, [20]),
        (7, 5, 1, 28, [28]),
        (2, 5, 100, 500, [100, 400, 1600]),
        (2, 5, 1, 0, []),
    ],
)
def test_four_times_as_many_are_looked_at_while_they_are_of_too_few_videos(
    k, per_video, at_least, present, counts
):
    asked: list[int] = []

    def best(count: int) -> list[Candidate]:
        asked.append(count)
        return [Candidate(number, 1, 0, 1) for number in range(min(count, present))]

    found = _enough(best, Search(UNIT, k, per_video), present, at_least=at_least)
    assert (asked, len(found)) == (counts, present)


def test_no_more_are_looked_at_than_hold_enough_videos():
    asked: list[int] = []

    def best(count: int) -> list[Candidate]:
        asked.append(count)
        return [Candidate(number, number // 10, 0, 1) for number in range(count)]

    _enough(best, Search(UNIT, 3, 1), 1000)
    _enough(best, Search(UNIT, 4, 1), 1000)
    assert asked == [12, 48, 16, 64]


class Index:
    """Twenty thousand segments or more, and what is looked for in them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[tuple[list[float], int, Any]] = []

    def visible(self) -> np.ndarray:
        return np.arange(self.count)

    def nearest(self, query: np.ndarray, k: int, *, among: Any) -> Any:
        self.asked.append((query.tolist(), k, among))
        return SimpleNamespace(ids=np.array([7, len(self.asked)]))


def pool(index: Any, scope: Scope) -> np.ndarray:
    terms = tuple(
        (Term("x", weight=weight), number * UNIT) for number, weight in enumerate((1, 2, -1))
    )
    return CandidateFinder(index)._pool(Search(UNIT, 5, 5, terms=terms), scope)


def test_in_a_large_library_the_likeliest_by_each_wanted_term_are_compared():
    small, large = Index(20_000), Index(20_001)
    everywhere = Scope()
    assert len(pool(small, everywhere)) == 20_000
    assert small.asked == []
    assert pool(large, everywhere).tolist() == [1, 2, 7]
    assert large.asked == [([0, 0, 0, 0], 5_000, None), ([1, 0, 0, 0], 5_000, None)]
