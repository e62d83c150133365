"""How far pixels belong to the subject, by what tells of it."""

import numpy as np
import pytest

from benchmarks.sketches.mask import truth
from models.errors import KinodexError
from sketch.canvas import on_canvas
from sketch.strokes import CANVAS
from sketch.subject.finding import CONTRAST, MOTION, PLAIN, WORDS, Clues, find_subject
from sketch.subject.masking import check_method, everything, mask_of
from sketch.subject.motion import motion_map
from smallworld.clips.motions import Course
from smallworld.clips.moving import Clip
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas
from tests.sketch.stills import still


def subject_mask(pixels: np.ndarray, **clues: np.ndarray) -> np.ndarray:
    """The mask of a whole picture."""
    picture, placed = on_canvas(pixels)
    return mask_of(picture, find_subject(picture, placed, Clues(**clues)))


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
    return frames, truth(clip.picture_at(times_s[3]), shipped_atlas())


def test_what_moves_before_a_busy_background_is_the_subject() -> None:
    frames, truth = moving_cat()
    mask = subject_mask(frames[3], motion=motion_map(frames, 3))
    assert overlap(mask, truth) > 0.75


def test_before_a_plain_background_the_subject_is_all_of_it() -> None:
    pixels = np.full((CANVAS, CANVAS, 3), 240, np.uint8)
    pixels[60:180, 90:150] = (200, 30, 40)
    mask = subject_mask(pixels)
    truth = np.zeros((CANVAS, CANVAS), bool)
    truth[60:180, 90:150] = True
    assert overlap(mask, truth) > 0.9


def test_nothing_known_is_everything() -> None:
    assert subject_mask(still("cat", "street")).min() == 1


def test_waves_are_no_subject() -> None:
    waves = np.zeros((CANVAS, CANVAS), np.float32)
    waves[100::8, 10:200] = 1
    waves[101::8, 10:200] = 1
    assert subject_mask(still("cat", "sea"), motion=waves).min() == 1


def test_words_alone_fade_the_background_and_do_not_cut_it_off() -> None:
    seen = np.zeros((CANVAS, CANVAS), np.float32)
    seen[60:170, 60:170] = 1
    mask = subject_mask(still("cat", "street"), relevance=seen)
    assert 0.3 < float(mask.min()) < 0.5
    assert float(mask.max()) > 0.99


def test_evidence_everywhere_is_no_evidence() -> None:
    flat = np.ones((CANVAS, CANVAS), np.float32)
    found = subject_mask(still("cat", "street"), motion=flat, relevance=flat, contrast=flat)
    assert found.min() == 1


def test_a_mask_is_soft_at_its_rim() -> None:
    frames, _ = moving_cat()
    mask = subject_mask(frames[3], motion=motion_map(frames, 3))
    assert 0 < float(((mask > 0.1) & (mask < 0.9)).mean()) < 0.2


def test_a_mask_that_there_is_not_is_told_with_those_that_there_are() -> None:
    for method in ("auto", "none", "rembg"):
        check_method(method)
    with pytest.raises(KinodexError, match="choose from auto, none, rembg"):
        check_method("magic")
    assert everything().min() == 1


def told_by(pixels: np.ndarray, **clues: np.ndarray) -> str | None:
    picture, placed = on_canvas(pixels)
    found = find_subject(picture, placed, Clues(**clues))
    return None if found is None else found.told_by


def test_what_moves_tells_before_a_plain_background_that_before_contrast_and_words_last() -> None:
    spot = np.zeros((CANVAS, CANVAS), np.float32)
    spot[60:120, 70:130] = 1
    busy, plain = still("cat", "street"), np.full((CANVAS, CANVAS, 3), 240, np.uint8)
    plain[60:180, 90:150] = (200, 30, 40)
    everything_told = {"motion": spot, "contrast": spot, "relevance": spot}
    assert told_by(plain, **everything_told) == MOTION
    assert told_by(plain, contrast=spot, relevance=spot) == PLAIN
    assert told_by(busy, contrast=spot, relevance=spot) == CONTRAST
    assert told_by(busy, relevance=spot) == WORDS
    assert told_by(busy) is None
    picture, placed = on_canvas(busy)
    again = find_subject(picture, placed, Clues(**everything_told), only=WORDS)
    assert again is not None
    assert again.told_by == WORDS
    assert find_subject(picture, placed, Clues(), only=MOTION) is None


def test_what_stands_out_is_looked_for_in_a_box_and_cut_off_only_in_part() -> None:
    contrast = np.zeros((CANVAS, CANVAS), np.float32)
    contrast[80:140, 80:140] = 1
    mask = subject_mask(still("cat", "street"), contrast=contrast)
    assert mask.min() == pytest.approx(0.25, abs=0.01)
    assert mask[:60].max() < 0.3


def test_what_stands_out_everywhere_is_no_subject() -> None:
    contrast = np.zeros((CANVAS, CANVAS), np.float32)
    contrast[4:220:8, 4:220:8] = 1
    assert told_by(still("cat", "street"), contrast=contrast) is None


def test_specks_beside_what_moves_are_something_else() -> None:
    motion = np.zeros((CANVAS, CANVAS), np.float32)
    motion[60:120, 70:130] = 1
    motion[190:202, 200:212] = 1
    picture, placed = on_canvas(still("cat", "street"))
    found = find_subject(picture, placed, Clues(motion=motion))
    assert found is not None
    assert found.evidence[90, 100] == 1
    assert found.evidence[180:].max() == 0


def test_a_thing_without_texture_may_lie_between_what_moves_at_its_rim() -> None:
    motion = np.zeros((CANVAS, CANVAS), np.float32)
    motion[60:140, 70:84] = motion[60:140, 100:114] = 1
    picture, placed = on_canvas(still("cat", "street"))
    found = find_subject(picture, placed, Clues(motion=motion))
    assert found is not None
    assert found.evidence[100, 75] == 1
    assert found.evidence[100, 92] == 0.5
    assert found.evidence[100, 140] == pytest.approx(0.1)
    assert found.evidence[100, 200] == 0


def test_clues_are_laid_where_the_picture_lies() -> None:
    motion = np.zeros((50, 100), np.float32)
    motion[20:35, 40:60] = 1
    picture, placed = on_canvas(np.full((100, 200, 3), 90, np.uint8))
    found = find_subject(picture, placed, Clues(motion=motion))
    assert found is not None
    rows, columns = np.nonzero(found.evidence > 0.9)
    assert (columns.min(), columns.max()) == pytest.approx((90, 134), abs=2)
    assert (rows.min(), rows.max()) == pytest.approx((101, 134), abs=2)
