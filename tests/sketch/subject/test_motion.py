"""What moves, while the camera does too."""

import cv2
import numpy as np
import pytest

from sketch.subject.motion import motion_map
from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas
from tests.sketch.stills import still

SIDE = 224


def moving(motion: np.ndarray) -> float:
    """The share of a picture that moves."""
    return float((motion > 0.5).mean())


def seen_by(camera: list[tuple[float, float]], thing: bool = False) -> np.ndarray:
    """A street through a camera at each angle and zoom in turn; with a ball that crosses it."""
    wide = cv2.resize(still("lion", "street"), (SIDE, SIDE))
    frames = []
    for number, (angle_deg, zoom) in enumerate(camera):
        picture = wide.copy()
        if thing:
            cv2.circle(picture, (70 + 16 * number, 120), 14, (250, 20, 240), -1)
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle_deg, zoom)
        frames.append(cv2.warpAffine(picture, turn, (SIDE, SIDE), flags=cv2.INTER_CUBIC))
    inner = slice(20, SIDE - 20)
    return np.stack(frames)[:, inner, inner]


def test_a_still_clip_has_no_motion():
    assert motion_map(np.repeat(still("cat", "street")[None], 5, axis=0), 2).max() == 0


def test_a_single_frame_has_no_motion():
    assert motion_map(still("cat", "street")[None], 0).max() == 0


def test_a_panning_camera_moves_nothing():
    wide = np.concatenate([still("cat", scene) for scene in ("street", "forest")], axis=1)
    frames = np.stack([wide[:, 6 * i : 6 * i + SIDE] for i in range(5)])
    assert moving(motion_map(frames, 2)) < 0.02


def test_a_camera_that_comes_closer_or_tilts_moves_nothing():
    for camera in ([(0, 1.2 + 0.05 * n) for n in range(5)], [(3 * n, 1.25) for n in range(5)]):
        frames = seen_by(camera)
        apart = np.abs(frames[1].astype(float) - frames[2]).max(axis=2)
        assert (apart > 34).mean() > 0.1  # much of the picture changes
        assert moving(motion_map(frames, 2)) < 0.01


def test_what_moves_before_a_moving_camera_is_found():
    frames = seen_by([(0, 1.2 + 0.05 * n) for n in range(5)], thing=True)
    motion = motion_map(frames, 2)
    rows, columns = np.nonzero(motion > 0.5)
    # The ball is at (102, 120), enlarged by 1.3 about the middle, less the rim of 20.
    assert abs(np.median(columns) - (112 + (102 - 112) * 1.3 - 20)) < 4
    assert abs(np.median(rows) - (112 + (120 - 112) * 1.3 - 20)) < 4
    assert 0.005 < moving(motion) < 0.06


def test_at_an_end_of_a_shot_the_other_frames_lie_on_one_side():
    frames = seen_by([(0, 1.2)] * 5, thing=True)
    first = motion_map(frames, 0)
    assert 0.005 < moving(first) < 0.1


def test_large_frames_are_looked_at_in_small():
    frames = np.stack([cv2.resize(one, (700, 500)) for one in seen_by([(0, 1.2)] * 3, thing=True)])
    motion = motion_map(frames, 1)
    assert motion.shape == (224, 314)
    assert moving(motion) > 0.005


def test_frames_without_any_corner_are_compared_as_they_are():
    frames = np.full((3, 64, 64, 3), 90, np.uint8)
    frames[1, 20:40, 20:40] = 220
    motion = motion_map(frames, 1)
    assert motion[30, 30] == 1
    assert motion[5, 5] == 0


@pytest.mark.parametrize(("thing", "scene"), [("rose", "mountains"), ("dolphin", "street")])
def test_a_large_thing_moves_and_not_the_background(thing: str, scene: str):
    picture = Picture(scene, 3, (Placement(thing, 0.5, 0.52, 0.7),))
    course = Course("left", "slow", begin_s=0.0, run_s=2.0, reach=0.5)
    shot = shot_of(Clip(picture, course, duration_s=2.0), grain=0.01)
    painter = ShotPainter(shipped_atlas(), width=SIDE, height=SIDE)
    motion = motion_map(np.stack(list(painter.frames(shot, [0.6, 0.8, 1.0, 1.2, 1.4]))), 2)
    assert moving(motion[60:170, 60:160]) > 0.3
    assert moving(motion[:, :16]) + moving(motion[:, -16:]) < 0.01
