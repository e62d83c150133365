"""What is kept of a picture that decord gives, to compare it with others."""

import numpy as np
import pytest

from indexer.reading.decord_reader import DecordFrame

# Brightness and two colours in the narrow range of videos, by BT.601.
WHITE, BLACK, RED = (235, 128, 128), (16, 128, 128), (81.5, 90.2, 240.0)


def look(pixels: np.ndarray) -> np.ndarray:
    return DecordFrame(pixels, 0.0).look


@pytest.mark.parametrize(
    ("colour", "levels"), [((255, 255, 255), WHITE), ((0, 0, 0), BLACK), ((255, 0, 0), RED)]
)
def test_colours_are_levels_of_brightness_and_two_colours(colour, levels):
    found = look(np.full((90, 160, 3), colour, np.uint8))
    assert found.reshape(3, -1).min(axis=1) == pytest.approx(levels, abs=0.7)
    assert found.reshape(3, -1).max(axis=1) == pytest.approx(levels, abs=0.7)


@pytest.mark.parametrize(("height", "width"), [(240, 360), (360, 240), (144, 216), (96, 144)])
def test_a_look_is_a_small_picture_of_the_whole(height, width):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 4, : width // 4] = 255
    pixels[-height // 4 :, -width // 4 :] = 255
    brightness = look(pixels)[0]
    rows, columns = brightness.shape
    assert columns / rows == pytest.approx(width / height, rel=0.1)
    assert rows <= height // 2
    quarter = brightness[: rows // 4, : columns // 4], brightness[-(rows // 4) :, -(columns // 4) :]
    assert min(part.mean() for part in quarter) > 220
    assert brightness.mean() == pytest.approx(16 + 219 / 8, abs=6)


def test_neighbours_are_averaged():
    stripes = np.zeros((32, 48, 3), np.uint8)
    stripes[:, ::2] = 255
    assert look(stripes)[0].std() < 1e-3
    assert look(stripes)[0].mean() == pytest.approx((235 + 16) / 2, abs=1)
