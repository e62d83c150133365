import math

import numpy as np
import pytest

from models.towers.hidden_maps import PictureTower, picture_tower
from sketch.canvas import Target
from sketch.drawing.saliency import (
    attention_saliency,
    scribbles,
    start_points,
    start_probabilities,
    xdog,
)
from tests.models.picture_towers import KINDS, small_backbone


@pytest.fixture(scope="module", params=sorted(KINDS))
def tower(request: pytest.FixtureRequest) -> PictureTower:
    return picture_tower(small_backbone(request.param))


def white() -> np.ndarray:
    return np.ones((224, 224, 3), np.float32)


def square() -> np.ndarray:
    """Dark grey on white, 80 pixels wide."""
    picture = white()
    picture[70:150, 70:150] = 0.3
    return picture


def whole_mask() -> np.ndarray:
    return np.ones((224, 224), np.float32)


def test_dark_band_is_along_the_inside_of_an_outline() -> None:
    dark = xdog(square())
    assert set(np.unique(dark)) == {0.0, 1.0}
    assert dark[72, 75:145].all() and dark[75:145, 147].all()
    assert not dark[:60].any() and not dark[:, 160:].any()
    assert 0.02 < dark.mean() < 0.12


def test_a_fine_dark_line_is_found_whole() -> None:
    picture = white()
    picture[100:103, 30:190] = 0
    dark = xdog(picture)
    assert dark[100:103, 32:188].all()
    assert dark[:95].sum() == 0 and dark[108:].sum() == 0


@pytest.mark.parametrize("tone", [0.0, 0.4, 1.0])
def test_a_picture_of_one_tone_has_no_dark_bands(tone: float) -> None:
    assert xdog(np.full((224, 224, 3), tone, np.float32)).sum() == 0


def test_saliency_is_zero_on_paper_and_off_the_subject(tower: PictureTower) -> None:
    mask = whole_mask()
    mask[:, 112:] = 0
    target = Target(square(), mask)
    found = attention_saliency(tower, target)
    assert found.shape == (224, 224) and found.dtype == np.float32
    assert found.min() >= 0 and 0 < found.max() <= 1
    assert found[xdog(target.softened) == 0].sum() == 0
    assert found[:, 112:].sum() == 0


def test_probabilities_sum_to_one_and_are_zero_where_the_map_is() -> None:
    saliency = np.zeros((40, 40), np.float32)
    saliency[10:20, 5:15] = np.linspace(0.01, 1, 100).reshape(10, 10)
    chances = start_probabilities(saliency)
    assert chances.sum() == pytest.approx(1)
    assert chances[saliency == 0].sum() == 0
    ratio = chances.max() / chances[chances > 0].min()
    assert ratio == pytest.approx(math.exp(0.99 / 0.3), rel=1e-4)
    assert ratio < math.exp(1 / 0.3)


def test_starts_are_different_pixels_of_the_map_and_follow_the_seed() -> None:
    saliency = np.zeros((224, 224), np.float32)
    saliency[100:110, 30:60] = 0.5
    starts = start_points(saliency, 32, 3)
    assert starts.shape == (32, 2) and starts.dtype == np.float32
    assert len(np.unique(starts, axis=0)) == 32
    columns, rows = (starts - 0.5).astype(int).T
    assert (saliency[rows, columns] > 0).all()
    assert np.array_equal(starts, start_points(saliency, 32, 3))
    assert not np.array_equal(starts, start_points(saliency, 32, 4))


def test_higher_places_are_chosen_more_often() -> None:
    saliency = np.full((20, 20), 0.1, np.float32)
    saliency[:, 10:] = 1.0
    right = sum((start_points(saliency, 8, seed)[:, 0] > 10).sum() for seed in range(50))
    assert right / 400 == pytest.approx(math.exp(3) / (1 + math.exp(3)), abs=0.03)


def test_a_blank_map_still_gives_starts() -> None:
    nothing = start_points(np.zeros((30, 30), np.float32), 16, 0)
    assert len(np.unique(nothing, axis=0)) == 16
    few = np.zeros((30, 30), np.float32)
    few[4, 7] = few[9, 2] = 1
    starts = start_points(few, 5, 0)
    assert len(np.unique(starts, axis=0)) == 5
    assert {(7.5, 4.5), (2.5, 9.5)} <= {tuple(start) for start in starts.tolist()}


def test_scribbles_begin_at_their_starts_and_take_short_steps() -> None:
    starts = np.array([[10.5, 20.5], [200.5, 7.5]], np.float32)
    points = scribbles(np.repeat(starts, 200, axis=0), 5)
    assert points.shape == (400, 4, 2) and points.dtype == np.float32
    assert np.array_equal(points[:, 0], np.repeat(starts, 200, axis=0))
    steps = np.abs(np.diff(points, axis=1))
    assert steps.max() <= 5.6 + 1e-4 and steps.max() > 5.3
    assert np.array_equal(points, scribbles(np.repeat(starts, 200, axis=0), 5))
    assert not np.array_equal(points, scribbles(np.repeat(starts, 200, axis=0), 6))
