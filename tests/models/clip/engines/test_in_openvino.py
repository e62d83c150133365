"""What towers are shown, and how long texts are, is worked out without any model."""

import numpy as np
import pytest

from models.clip.engines.in_openvino import probe_inputs, text_inputs, text_lengths

IDS = np.array([[1, 5, 9, 0, 0], [1, 9, 0, 0, 0], [1, 5, 7, 9, 0]])


def test_a_tower_is_asked_about_one_picture_of_its_size():
    [shown] = probe_inputs("pictures", [32, 48], None)
    assert (shown.shape, shown.dtype) == ((1, 32, 48, 3), np.uint8)


def test_a_text_tower_is_asked_about_one_text():
    [ids] = probe_inputs("texts", [1, 5, 0], {"padding": 0})
    assert (ids.tolist(), ids.dtype) == ([[1, 5]], np.int64)


@pytest.mark.parametrize(
    ("cut", "lengths"),
    [
        (None, [5, 5, 5]),
        ({"padding": 0}, [3, 2, 4]),
        ({}, [3, 2, 4]),  # up to the highest id
        ({"end": 9}, [3, 2, 4]),
        ({"end": 5}, [2, 1, 2]),
    ],
)
def test_texts_are_as_long_as_their_ends_say(cut, lengths):
    assert text_lengths(IDS, cut).tolist() == lengths


def test_a_text_of_padding_alone_has_a_token():
    assert text_lengths(np.zeros((1, 4), np.int64), {"padding": 0}).tolist() == [1]


def test_padded_texts_are_cut_to_the_longest_and_causal_ones_share_their_beginning():
    [padded] = text_inputs(IDS, {"padding": 0})
    assert padded.shape == (3, 4)
    ids, positions, mask, ends = text_inputs(IDS, {})
    assert ids.tolist() == [1, 5, 9, 9, 7, 9]
    assert positions.tolist() == [0, 1, 2, 1, 2, 3]
    assert (mask.shape, ends.tolist()) == ((6, 6), [2, 3, 5])
