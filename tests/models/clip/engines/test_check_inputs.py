"""What engines are compared by stays what it is: a tower that is kept has noted what it gave."""

import numpy as np
import pytest

from models.clip.engines.check_inputs import CHECK_TEXTS, check_pictures


def test_the_pictures_are_the_same_everywhere():
    """Within what one resampling may differ from another."""
    shown = check_pictures((32, 48))
    assert (shown.shape, shown.dtype) == ((12, 32, 48, 3), np.uint8)
    means = [129.4, 125.5, 122.2, 127.2, 130.1, 127.0, 107.1, 109.0, 123.6, 123.4, 125.1, 127.0]
    assert shown.mean(axis=(1, 2, 3)) == pytest.approx(means, abs=0.1)
    assert check_pictures((256, 256))[10, :2, 0, 0].tolist() == [20, 230]  # where stripes begin
    near_a_corner = shown[:, 5, 7].tolist()
    assert near_a_corner == [
        pytest.approx(colour, abs=2)
        for colour in (
            *([140, 61, 247], [177, 175, 170], [94, 136, 76], [83, 183, 23], [137, 168, 152]),
            *([123, 131, 119], [85, 31, 200], [57, 128, 198], [16, 40, 114], [163, 93, 181]),
            *([23, 23, 23], [127, 127, 127]),
        )
    ]


def test_a_text_is_longer_than_any_model_reads():
    assert len(CHECK_TEXTS[-1].split()) == 170
    assert max(len(text.split()) for text in CHECK_TEXTS[:-1]) < 15
