"""Engines are timed in turn on the same pictures, and compared with the first."""

import numpy as np
import pytest

from benchmarks.computing.engines import cosine, in_batches, pictures_of, time_pictures


def test_pictures_are_as_many_as_asked_and_of_the_models_size():
    shown = pictures_of((24, 32), 50)
    assert (shown.shape, shown.dtype) == ((50, 24, 32, 3), np.uint8)
    assert len(np.unique(shown.reshape(50, -1), axis=0)) > 40


def test_batches_are_put_together_again():
    sizes = []

    def encode(pictures: np.ndarray) -> np.ndarray:
        sizes.append(len(pictures))
        return pictures * 2

    assert in_batches(encode, 3)(np.arange(8)).tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert sizes == [3, 3, 2]


def test_cosines_are_with_the_first_engine():
    shown = np.eye(4, dtype=np.float32)
    turned = np.float32([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    engines = {("a", "x"): lambda rows: rows, ("b", "y"): lambda rows: rows @ turned}
    one, other = time_pictures(engines, shown, rounds=2)
    assert (one.engine, one.cosine_worst, other.engine) == ("a", 1, "b")
    assert other.cosine_worst == pytest.approx(0.5**0.5)
    assert other.cosine_mean == pytest.approx((3 + 0.5**0.5) / 4)
    assert cosine(np.float32([[2, 0]]), np.float32([[0, 3]])).tolist() == [0]
