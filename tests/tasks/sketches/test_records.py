"""A sketch comes out of the catalog's form as it went in."""

import numpy as np

from tasks.sketches.records import animation_from_store, animation_to_store, from_store, to_store
from tests.tasks.sketches.drawings import sketch


def test_a_sketch_survives():
    one = sketch()
    back = from_store(to_store(one))
    assert (back.groups, back.loss, back.placed) == (one.groups, one.loss, one.placed)
    assert back.gains.tolist() == one.gains.tolist()
    for name in ("points", "half_widths", "opacities"):
        assert np.array_equal(getattr(back.strokes, name), getattr(one.strokes, name))


def test_when_its_picture_is_seen_is_stored_with_a_sketch():
    assert to_store(sketch()).frame_s is None
    assert to_store(sketch(), frame_s=12.5).frame_s == 12.5


def test_an_animation_survives():
    first, second = sketch(2).strokes, sketch(2).strokes.take([1, 0])
    stored = animation_to_store([first, second], np.array([1, 2], np.float32))
    assert (stored.times_s.tolist(), stored.times_s.dtype) == ([1.0, 2.0], np.float64)
    assert stored.points.shape == (2, 2, 4, 2)
    for back, frame in zip(animation_from_store(stored), (first, second), strict=True):
        for name in ("points", "half_widths", "opacities"):
            assert np.array_equal(getattr(back, name), getattr(frame, name))
