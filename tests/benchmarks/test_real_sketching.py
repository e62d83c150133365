"""What is measured of sketches of real footage."""

import numpy as np
import pytest

from benchmarks.real_pictures.sketching import box_found, hand_drawn, overlap, sheet
from sketch.canvas import Target
from sketch.strokes import CANVAS, Drawing, LossFigures, Placed, Sketch, Strokes


def test_boxes_overlap_by_what_they_have_in_common():
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 0.2, 0.2), (0.5, 0.5, 1, 1)) == 0


def test_hand_drawn_boxes_lie_within_their_pictures():
    boxes = hand_drawn()
    assert len(boxes) == 16
    for left, top, right, bottom in boxes.values():
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def enlarged() -> Target:
    """The lower right quarter of a square picture, in which a subject stands."""
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    mask[56:168, 112:168] = 1
    picture = np.full((CANVAS, CANVAS, 3), 0.5, np.float32)
    whole = Target.unmasked(picture)
    return Target(picture, mask, Placed(-224.0, -224.0, 448.0, 448.0), whole)


def test_the_box_found_is_of_the_whole_picture():
    assert box_found(enlarged()) == pytest.approx((0.75, 0.625, 0.875, 0.875))
    assert box_found(Target.unmasked(np.ones((CANVAS, CANVAS, 3), np.float32))) == (0, 0, 1, 1)


def test_a_sheet_has_three_to_a_row():
    points = np.float32([[[20, 20], [80, 40], [120, 160], [200, 200]]])
    sketch = Sketch(Strokes.plain(points), ("subject",), np.ones(1), LossFigures(1, 0, 1))
    page = sheet([enlarged()] * 4, [Drawing(sketch)] * 4)
    assert page.size == (3 * (3 * CANVAS + 16), 2 * (CANVAS + 16))
    pixels = np.asarray(page)
    assert pixels[8 + 112, 8 + 112].tolist() == [128] * 3
    assert pixels[8 + 20, 8 + 2 * CANVAS + 20].max() < 60  # where the stroke begins
    assert pixels[-20:, -3 * CANVAS :].min() == 255  # no fifth and sixth
