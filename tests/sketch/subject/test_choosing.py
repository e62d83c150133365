"""Which frame is drawn: where the subject is large, whole and sharp."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from sketch.subject.choosing import best_to_draw

WIDTH, HEIGHT = 320, 200
KEYFRAME = 3


def passing(
    centres: Sequence[int], sides: Sequence[int] = (80,) * 7, blurred: Sequence[int] = ()
) -> np.ndarray:
    """A striped square before noise, at each place in turn; some frames are out of focus."""
    noise = np.random.default_rng(2).integers(90, 130, (HEIGHT, WIDTH), np.uint8)
    frames = []
    for number, (x, side) in enumerate(zip(centres, sides, strict=True)):
        frame = cv2.GaussianBlur(noise, (0, 0), 1.0)
        left, right = max(0, x - side // 2), min(WIDTH, x + side // 2)
        if right > left:
            top = (HEIGHT - side) // 2
            frame[top : top + side, left:right] = 250
            frame[top + 10 : top + side : 20, left:right] = 10
        if number in blurred:
            frame = cv2.GaussianBlur(frame, (0, 0), 4.0)
        frames.append(np.repeat(frame[..., None], 3, axis=2))
    return np.stack(frames)


def test_a_subject_that_comes_in_is_drawn_when_it_is_there():
    assert best_to_draw(passing([-160, -110, -60, -10, 50, 120, 190]), KEYFRAME) == 5


def test_a_subject_that_is_cut_off_is_drawn_whole():
    assert best_to_draw(passing([160, 140, 120, 20, -60, -90, -110]), KEYFRAME) in (1, 2)


def test_the_larger_is_drawn():
    sides = (40, 40, 40, 40, 70, 110, 120)
    assert best_to_draw(passing([60, 80, 100, 120, 140, 170, 190], sides), KEYFRAME) == 5


def test_the_sharper_is_drawn():
    centres = [60, 80, 100, 120, 140, 160, 180]
    chosen = best_to_draw(passing(centres, blurred=(2, 3)), KEYFRAME)
    assert chosen in (1, 4, 5)


def test_where_nothing_moves_the_sharpest_is_drawn():
    assert best_to_draw(passing([160] * 7, blurred=(0, 1, 3, 4, 5, 6)), KEYFRAME) == 2


@pytest.mark.parametrize("centres", [[160] * 7, [100, 120, 140, 160, 180, 200, 220]])
def test_the_keyframe_is_drawn_where_no_other_is_clearly_better(centres):
    assert best_to_draw(passing(centres), KEYFRAME) == KEYFRAME


def test_a_flicker_is_no_subject():
    frames = passing([-200] * 7)
    frames[4, 60:140, 100:180] = 250
    assert best_to_draw(frames, KEYFRAME) == KEYFRAME


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_are_no_fault(count):
    frames = passing([160] * 7)[:count]
    assert best_to_draw(frames, count - 1) == count - 1


def test_the_first_and_the_last_are_not_chosen():
    # What moves there is told by one side only, and it may have been elsewhere.
    sides = (120, 40, 40, 40, 40, 40, 120)
    assert best_to_draw(passing([60, 80, 100, 120, 140, 160, 180], sides), KEYFRAME) == KEYFRAME
