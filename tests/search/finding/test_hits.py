"""How sure a hit is, in words."""

import pytest

from search.finding.hits import Hit, Why, all_weak, match_word


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


def hit(match: float | None) -> Hit:
    return Hit(1, 0, 1, 0, 0.5, match, Why(0.5, 0.5), (), video="hash", paths=())
