"""Clips in which a thing passes."""

import numpy as np

from benchmarks.sketches.choosing import passing


def test_clips_are_the_same_each_time_and_something_passes() -> None:
    first, again = passing(2, seed=5), passing(2, seed=5)
    for one, other in zip(first, again, strict=True):
        assert (one.frames.shape, one.thing) == ((7, 224, 224, 3), other.thing)
        assert np.array_equal(one.frames, other.frames)
        assert np.abs(one.frames[0].astype(int) - one.frames[-1]).max() > 50
