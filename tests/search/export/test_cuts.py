"""What is cut: moments of hits, in files that are there, no longer than their videos."""

from fractions import Fraction
from pathlib import Path

import pytest

from search.export.cuts import cuts_of, exact_rate
from search.finding.hits import Hit, Moment, Why
from search.library import Library
from tests.search.finding.test_engine import Shelf, axis


def moment(segment: int, start_s: float, end_s: float) -> Moment:
    return Moment(segment, start_s, end_s, start_s, 0.5, 0.7, Why(0.5, 0.5), ())


def hit(*paths: str, moments=(), steps=(), start_s: float = 0.0, end_s: float = 10.0) -> Hit:
    of = moment(1, start_s, end_s)
    return Hit(
        *[getattr(of, name) for name in of.__dataclass_fields__],
        video=f"hash of {paths[0]}",
        paths=tuple(map(Path, paths)),
        moments=tuple(moments),
        steps=tuple(steps),
    )


@pytest.fixture
def stored(library: Library, backbone) -> Library:
    """A video of twenty seconds, 25 frames a second."""
    Shelf(library, backbone).put("/v/a.mp4", axis(0), axis(1))
    return library


def spans(cuts) -> list[tuple[int, float, float]]:
    return [(cut.rank, cut.start_s, cut.end_s) for cut in cuts]


def test_a_hits_moments_follow_it_and_the_next_hit_follows_them(stored):
    first = hit("/v/a.mp4", moments=[moment(2, 12, 14), moment(3, 15, 16)])
    second = hit("/v/b.mp4", start_s=3.0, end_s=5.0)
    assert spans(cuts_of(stored, [first, second])) == [
        (1, 0, 10),
        (1, 12, 14),
        (1, 15, 16),
        (2, 3, 5),
    ]
    assert spans(cuts_of(stored, [first, second], best_only=True)) == [(1, 0, 10), (2, 3, 5)]


def test_of_steps_each_is_a_cut_or_the_whole_is_one(stored):
    both = hit("/v/a.mp4", steps=[moment(1, 1, 3), moment(2, 6, 8)])
    assert spans(cuts_of(stored, [both])) == [(1, 1, 3), (1, 6, 8)]
    assert spans(cuts_of(stored, [both], best_only=True)) == [(1, 0, 10)]


def test_no_cut_goes_past_the_end_of_its_video(stored):
    [cut] = cuts_of(stored, [hit("/v/a.mp4", start_s=15.0, end_s=30.0)])
    assert (cut.end_s, cut.length_s, cut.rate) == (20.0, 20.0, 25.0)


def test_of_a_video_that_was_removed_what_is_known_is_told(stored):
    gone = hit("/v/gone.mp4", moments=[moment(2, 12, 14)])
    cuts = cuts_of(stored, [gone])
    assert [(cut.length_s, cut.rate) for cut in cuts] == [(14, 25.0), (14, 25.0)]


def test_the_first_of_a_hits_places_is_cut(stored):
    [cut] = cuts_of(stored, [hit("/v/here.mp4", "/v/too.mp4")])
    assert (cut.path, cut.title) == (Path("/v/here.mp4"), "here")


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (25.0, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (7.0, Fraction(7)),
    ],
)
def test_broadcast_rates_are_exact(rate, exact):
    assert exact_rate(rate) == exact
