"""How sure a hit is, in words."""

import pytest

from search.finding.hits import CANNOT_BE_TOLD, NONE_IS_SURE, Hit, Why, all_weak, match_word
from search.finding.hits import remark_on as remark
from search.queries.query import Query, Term, TermKind


@pytest.mark.parametrize(
    ("match", "word"),
    [(0.0, "weak"), (0.49, "weak"), (0.5, "likely"), (0.79, "likely"), (0.8, "strong")],
)
def test_a_match_has_a_word(match, word):
    assert match_word(match) == word


@pytest.mark.parametrize(
    ("matches", "weak"),
    [
        ([], False),
        ([None], False),
        ([0.49], True),
        ([0.5], False),
        ([0.1, None, 0.49], True),
        ([0.1, None, 0.6], False),
    ],
)
def test_hits_are_weak_where_none_that_is_known_is_likely(matches, weak):
    assert all_weak([hit(match) for match in matches]) is weak


WORDS, PICTURE = Term("a dog"), Term("dog.png", TermKind.PICTURE)


@pytest.mark.parametrize(
    ("terms", "matches", "said"),
    [
        ([WORDS], [None, None], CANNOT_BE_TOLD),
        ([PICTURE, WORDS], [None], CANNOT_BE_TOLD),
        ([WORDS], [None, 0.6], ""),
        ([WORDS], [None, 0.4], NONE_IS_SURE),
        ([WORDS], [], ""),
        ([PICTURE], [None], ""),  # nothing was said in words
        ([PICTURE, Term("a dog", weight=-1.0)], [None], ""),
    ],
)
def test_of_hits_as_a_whole_is_said_that_none_is_sure_or_that_none_can_be_told(
    terms, matches, said
):
    assert remark([hit(match) for match in matches], Query((tuple(terms),))) == said


def test_first_this_then_that_has_no_match_and_nothing_is_said_of_it():
    assert remark([hit(None)], Query(((WORDS,), (WORDS,)))) == ""
    assert remark([hit(None)], Query()) == ""


def hit(match: float | None) -> Hit:
    return Hit(1, 0, 1, 0, 0.5, match, Why(0.5, 0.5), (), video="hash", paths=())
