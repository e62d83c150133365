"""Which labels are kept of a segment, and which one comes next."""

import math

import numpy as np
import pytest
import torch

from models.labels.tagging import Background, Calibration
from search.tags.scoring import TagRows, TagScorer, joined


def scorer(*, most: int, min_probability: float = 0.5) -> TagScorer:
    """Of four labels along the first axes; the background is as far from everything."""
    eye = torch.eye(8)
    return TagScorer(
        labels=eye[:4],
        background=Background(eye[7:], torch.zeros(4)),
        calibration=Calibration(scale=1.0, offset=-5.0),
        logit_scale=math.log(10),
        min_probability=min_probability,
        most=most,
    )


def segment(*cosines: float) -> np.ndarray:
    """A unit vector with these cosines with the labels."""
    rest = math.sqrt(1 - sum(one**2 for one in cosines))
    return np.array([*cosines, *[0] * (4 - len(cosines)), rest, 0, 0, 0], np.float32)


def told(rows: TagRows) -> list[tuple[int, int, bool]]:
    return list(
        zip(rows.segment_ids.tolist(), rows.places.tolist(), rows.kept.tolist(), strict=True)
    )


# Ten times a cosine, less 5: from a half on a label is likelier than not.
BOTH, ONE, NONE = segment(0.6, 0.1, 0.7), segment(0.0, 0.9, 0.2), segment(0.1, 0.0, 0.0, 0.2)


OF_OTHERS = [(8, 1, True), (8, 2, False), (9, 3, False)]


@pytest.mark.parametrize(
    ("most", "rows"),
    [
        (1, [(7, 2, True), (7, 0, False), *OF_OTHERS]),
        (2, [(7, 2, True), (7, 0, True), (7, 1, False), *OF_OTHERS]),
        (4, [(7, 2, True), (7, 0, True), (7, 1, False), *OF_OTHERS]),
    ],
)
def test_the_likeliest_are_kept_and_the_next_is_the_runner_up(most, rows):
    found = scorer(most=most).tags(np.array([7, 8, 9]), np.stack([BOTH, ONE, NONE]))
    assert told(found) == rows


def test_where_all_labels_hold_there_is_no_runner_up():
    rows = scorer(most=9).tags(np.array([7]), segment(0.5, 0.5, 0.5, 0.5)[None])
    assert rows.kept.all()
    rows = scorer(most=9, min_probability=0.01).tags(np.array([7]), BOTH[None])
    assert told(rows) == [(7, 2, True), (7, 0, True), (7, 1, True), (7, 3, False)]


def test_a_label_holds_from_the_very_probability_on():
    exact = scorer(most=4).probabilities(BOTH[None])[0]
    assert exact == pytest.approx([1 / (1 + math.exp(-z)) for z in (1, -4, 2, -5)], abs=1e-3)
    for least, kept in ((float(exact[0]), 2), (np.nextafter(exact[0], np.float32(1)), 1)):
        rows = scorer(most=4, min_probability=float(least)).tags(np.array([7]), BOTH[None])
        assert rows.kept.sum() == kept


def test_a_floor_lowers_its_own_label_alone():
    plain = scorer(most=4)
    raised = plain.above(torch.tensor([0.2, 0.0, 0.0, 0.0]))
    before, after = plain.probabilities(BOTH[None])[0], raised.probabilities(BOTH[None])[0]
    assert after[0] < before[0] - 0.3
    assert after[1:].tolist() == before[1:].tolist()
    assert (raised.dim, raised.most) == (8, 4)


def test_nothing_joined_is_nothing_of_the_right_kinds():
    nothing = joined([])
    kinds = [str(column.dtype) for column in vars(nothing).values()]
    assert kinds == ["int64", "int64", "float32", "bool"]
    assert [len(column) for column in vars(nothing).values()] == [0, 0, 0, 0]
    assert told(scorer(most=1).tags(np.empty(0, np.int64), np.empty((0, 8), np.float32))) == []


def test_rows_are_joined_in_their_order(monkeypatch):
    monkeypatch.setattr("search.tags.scoring._PROBABILITIES_AT_ONCE", 4)  # one at a time
    ids, videos = np.array([7, 8, 9]), np.stack([BOTH, ONE, NONE])
    one_by_one = scorer(most=1).tags(ids, videos)
    monkeypatch.undo()
    assert told(one_by_one) == told(scorer(most=1).tags(ids, videos))
