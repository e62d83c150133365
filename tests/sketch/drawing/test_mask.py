import numpy as np
import pytest
import torch

from models.errors import KinodexError
from sketch.canvas import on_canvas
from sketch.drawing.mask import motion_map, subject_mask
from sketch.strokes import CANVAS, WHOLE_CANVAS
from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.render import compose
from smallworld.stills.sprites import shipped_atlas
from tests.sketch.stills import still


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    found = mask > 0.5
    return float((found & truth).sum() / (found | truth).sum())


def moving_cat() -> tuple[np.ndarray, np.ndarray]:
    """Seven frames of a cat that walks through a street, and where it is in the fourth."""
    clip = Clip(
        Picture("street", 4, (Placement("cat", 0.5, 0.55, 0.45),)),
        Course("right", "slow", begin_s=0.0, run_s=2.0, reach=0.6),
        duration_s=2.0,
    )
    painter = ShotPainter(shipped_atlas(), width=CANVAS, height=CANVAS)
    times_s = [0.4 + 0.2 * i for i in range(7)]
    frames = np.stack(list(painter.frames(shot_of(clip), times_s)))
    there = clip.picture_at(times_s[3])
    # The cat over black and over white: where both are alike it covers all.
    black, white = (
        compose(torch.full((1, 3, CANVAS, CANVAS), v), [there], shipped_atlas())[0]
        for v in (0.0, 1.0)
    )
    return frames, ((white - black).abs().mean(dim=0) < 0.5).numpy()


def test_what_moves_before_a_busy_background_is_the_subject() -> None:
    frames, truth = moving_cat()
    picture, placed = on_canvas(frames[3])
    mask = subject_mask(picture, placed, motion=motion_map(frames, 3))
    assert overlap(mask, truth) > 0.75


def test_before_a_plain_background_the_subject_is_all_of_it() -> None:
    pixels = np.full((CANVAS, CANVAS, 3), 240, np.uint8)
    pixels[60:180, 90:150] = (200, 30, 40)
    picture, placed = on_canvas(pixels)
    mask = subject_mask(picture, placed)
    truth = np.zeros((CANVAS, CANVAS), bool)
    truth[60:180, 90:150] = True
    assert overlap(mask, truth) > 0.9


def test_nothing_known_is_everything() -> None:
    picture, placed = on_canvas(still("cat", "street"))
    assert subject_mask(picture, placed).min() == 1


def test_a_still_clip_has_no_motion() -> None:
    frames = np.repeat(still("cat", "street")[None], 5, axis=0)
    assert motion_map(frames, 2).max() == 0


def test_a_panning_camera_moves_nothing() -> None:
    wide = np.concatenate([still("cat", scene) for scene in ("street", "forest")], axis=1)
    frames = np.stack([wide[:, 6 * i : 6 * i + CANVAS] for i in range(5)])
    assert float((motion_map(frames, 2) > 0.5).mean()) < 0.02


def test_waves_are_no_subject() -> None:
    picture, placed = on_canvas(still("cat", "sea"))
    waves = np.zeros((CANVAS, CANVAS), np.float32)
    waves[100::8, 10:200] = 1
    waves[101::8, 10:200] = 1
    assert subject_mask(picture, placed, motion=waves).min() == 1


def test_words_alone_fade_the_background_and_do_not_cut_it_off() -> None:
    picture, placed = on_canvas(still("cat", "street"))
    seen = np.zeros((CANVAS, CANVAS), np.float32)
    seen[60:170, 60:170] = 1
    mask = subject_mask(picture, placed, relevance=seen)
    assert 0.3 < float(mask.min()) < 0.5
    assert float(mask.max()) > 0.99


def test_a_single_frame_has_no_motion() -> None:
    assert motion_map(still("cat", "street")[None], 0).max() == 0


def test_evidence_everywhere_is_no_evidence() -> None:
    picture, placed = on_canvas(still("cat", "street"))
    flat = np.ones((CANVAS, CANVAS), np.float32)
    assert subject_mask(picture, placed, motion=flat, relevance=flat).min() == 1


def test_a_mask_is_soft_at_its_rim() -> None:
    frames, _ = moving_cat()
    picture, placed = on_canvas(frames[3])
    mask = subject_mask(picture, placed, motion=motion_map(frames, 3))
    assert 0 < float(((mask > 0.1) & (mask < 0.9)).mean()) < 0.2


def test_no_mask_can_be_wished_for() -> None:
    white = np.ones((CANVAS, CANVAS, 3), np.float32)
    assert subject_mask(white, WHOLE_CANVAS, method="none").min() == 1
    with pytest.raises(KinodexError, match="choose from auto, none, rembg"):
        subject_mask(white, WHOLE_CANVAS, method="magic")
