import math

import numpy as np

from sketch.saliency import (
    attention_saliency,
    scribbles,
    start_points,
    start_probabilities,
    xdog,
)
from sketch.strokes import CANVAS
from tests.sketch.stills import blank, bundled_tower, target


def test_dark_on_light_is_drawn_and_paper_is_not() -> None:
    picture = np.ones((64, 64, 3), np.float32)
    picture[30:34] = 0
    found = xdog(picture)
    assert found[31:33].min() == 1
    assert found[:10].max() == 0


def test_a_plain_picture_has_nothing_to_draw() -> None:
    assert xdog(np.full((32, 32, 3), 0.5, np.float32)).max() == 0


def test_probabilities_sum_to_one_and_leave_paper_out() -> None:
    saliency = attention_saliency(bundled_tower(), target("cat"))
    chances = start_probabilities(saliency)
    assert abs(chances.sum() - 1) < 1e-9
    assert chances[saliency == 0].max() == 0
    drawn = chances[saliency > 0]
    assert drawn.max() / drawn.min() <= math.exp(1 / 0.3) * 1.001


def test_starts_are_distinct_and_the_same_for_one_seed() -> None:
    saliency = attention_saliency(bundled_tower(), target("cat"))
    first, second, other = (start_points(saliency, 16, seed) for seed in (1, 1, 2))
    assert len(np.unique(first, axis=0)) == 16
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    columns, rows = first.astype(int).T
    assert (saliency[rows, columns] > 0).all()


def test_a_blank_picture_still_has_places_to_begin() -> None:
    saliency = attention_saliency(bundled_tower(), blank())
    assert len(np.unique(start_points(saliency, 8, 0), axis=0)) == 8


def test_scribbles_go_a_few_pixels_a_step() -> None:
    starts = np.array([[10.0, 20.0], [200.0, 100.0]], np.float32)
    strokes = scribbles(starts, seed=0)
    assert np.array_equal(strokes[:, 0], starts)
    assert np.abs(np.diff(strokes, axis=1)).max() <= 0.025 * CANVAS
