"""What stands out by its colours."""

import numpy as np
import pytest

from sketch.subject.contrast import contrast_map


def scene(height: int = 120, width: int = 200) -> np.ndarray:
    """A green meadow below a blue sky."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = (90, 140, 230)
    picture[height // 2 :] = (60, 150, 60)
    return picture


def test_what_has_another_colour_than_the_rim_stands_out_whatever_the_rim_has():
    picture = scene()
    picture[40:90, 80:120] = (220, 60, 40)
    found = contrast_map(picture)
    assert found.shape == (120, 200)
    assert found.max() == pytest.approx(1)
    inside = np.zeros(found.shape, bool)
    inside[42:88, 82:118] = True
    around = np.ones(found.shape, bool)
    around[36:94, 76:124] = False
    assert found[inside].min() > 0.5
    assert found[around].max() < 0.15


def test_a_subject_may_reach_one_side():
    picture = scene()
    picture[50:, 80:120] = (220, 60, 40)
    found = contrast_map(picture)
    assert found[60:90, 85:115].min() > 3 * found[60:90, :60].max()


def test_the_colours_of_a_side_stand_out_where_a_barrier_is_around_them():
    picture = scene()
    picture[30:90, 60:140] = (220, 60, 40)
    picture[45:75, 85:115] = (60, 150, 60)  # meadow within a frame
    found = contrast_map(picture)
    assert found[50:70, 90:110].min() > 0.3
    assert found[100:115, 90:110].max() < 0.15


def test_a_plain_picture_has_nothing_that_stands_out():
    found = contrast_map(np.full((50, 50, 3), 128, np.uint8))
    assert found.max() == 0
    assert np.isfinite(found).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (9, 9)])
def test_small_and_narrow_pictures_have_a_map(shape):
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = contrast_map(picture)
    assert found.shape == shape
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1


def test_equal_pictures_give_equal_maps():
    picture = np.random.default_rng(2).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    np.testing.assert_array_equal(contrast_map(picture), contrast_map(picture))
