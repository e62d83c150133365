"""Confusion matrices as pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from tasks.evaluation.confusion import draw_confusion

BLUE, ORANGE = (31, 92, 160), (200, 80, 30)


def drawn(file: Path, counts: np.ndarray, labels: list[str]) -> np.ndarray:
    """The picture's pixels; shape: (height, width, 3)."""
    draw_confusion(counts, labels, file, title="some clips")
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def centre(pixels: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Middle (y, x) of all pixels of a colour."""
    places = np.argwhere((pixels == colour).all(axis=-1))
    y, x = (places.min(axis=0) + places.max(axis=0)) // 2
    return int(y), int(x)


def test_what_is_right_is_blue_and_what_is_wrong_is_orange_in_its_row_and_column(tmp_path):
    counts = np.array([[3, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]])
    pixels = drawn(tmp_path / "c.png", counts, ["walk", "run", "jump"])
    (right_y, right_x), (wrong_y, wrong_x) = centre(pixels, BLUE), centre(pixels, ORANGE)
    assert (wrong_y - right_y, wrong_x - right_x) == (40, 80)


def test_clips_that_were_not_decoded_have_a_column_behind_all_labels(tmp_path):
    counts = np.array([[3, 0, 0], [0, 0, 4]])
    pixels = drawn(tmp_path / "c.png", counts, ["walk", "run"])
    (right_y, right_x), (wrong_y, wrong_x) = centre(pixels, BLUE), centre(pixels, ORANGE)
    assert (wrong_y - right_y, wrong_x - right_x) == (40, 80)


def test_labels_that_take_no_part_are_left_out(tmp_path):
    counts = np.zeros((30, 31), int)
    counts[3, 3] = counts[20, 7] = 5
    few = drawn(tmp_path / "few.png", counts, [f"label {n}" for n in range(30)])
    (right_y, right_x), (wrong_y, wrong_x) = centre(few, BLUE), centre(few, ORANGE)
    assert (wrong_y - right_y, wrong_x - right_x) == (80, 40)  # of 3, 7 and 20


@pytest.mark.parametrize("count", [18, 400])
def test_a_row_is_high_enough_for_its_name(tmp_path, count):
    counts = np.eye(count, count + 1, dtype=int)
    pixels = drawn(tmp_path / "c.png", counts, [f"pouring tea, number {n}" for n in range(count)])
    places = np.argwhere((pixels == BLUE).all(axis=-1))
    row_height = np.ptp(places[:, 0]) / count
    assert row_height >= 10
    assert max(pixels.shape) < 6000


def test_a_very_long_name_leaves_room_for_the_cells(tmp_path):
    pixels = drawn(tmp_path / "c.png", np.array([[1, 0]]), ["walking " * 500])
    assert pixels.shape[1] < 1000


def test_two_thousand_labels_give_a_picture_of_bounded_size(tmp_path):
    counts = np.eye(2000, 2001, dtype=int)
    pixels = drawn(tmp_path / "c.png", counts, [str(n) for n in range(2000)])
    assert max(pixels.shape) < 9000


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(KinodexError, match=r"nowhere.+cannot be written"):
        draw_confusion(np.array([[1, 0]]), ["a"], tmp_path / "nowhere" / "c.png", title="")
