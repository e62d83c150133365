"""Frames of any shape in rows of one shape, and crops that reach their corners."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.augmentation import Augmentation
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.full_frames import Canvas
from indexer.reading.sampling import SegmentSampling
from tests.corpus import write_clip
from tests.tiny import tiny_backbone

PREPROCESSING = replace(tiny_backbone().preprocessing, size=(224, 224))


@pytest.mark.parametrize(
    ("frame", "kept"),
    [
        ((360, 640), (256, 455)),  # 16:9, whole
        ((480, 640), (256, 341)),
        ((640, 360), (455, 256)),
        ((300, 300), (256, 256)),
        ((100, 400), (256, 455)),  # the ends are cut off
        ((256, 341), (256, 341)),
    ],
)
def test_a_frame_of_any_shape_comes_back_in_its_own(frame, kept):
    canvas = Canvas.of(PREPROCESSING)
    assert canvas.row_shape == (3, 256, 455)
    picture = np.full((2, *frame, 3), 200, np.uint8)
    rows = canvas.stored(picture, PREPROCESSING)
    assert (rows.shape, rows.dtype) == ((2, 3, 256, 455), np.uint8)
    assert canvas.size_of(*frame) == kept
    found = Canvas.taken_off(rows, kept)
    assert found.shape == (2, 3, *kept)
    assert (found == 200).all()


def test_an_upright_frame_is_not_turned():
    canvas = Canvas.of(PREPROCESSING)
    frame = np.zeros((1, 455, 256, 3), np.uint8)
    frame[:, :100, :, 0], frame[:, :, :50, 1] = 255, 255  # red above, green at the left
    found = Canvas.taken_off(canvas.stored(frame, PREPROCESSING), (455, 256))
    assert np.array_equal(found[0], frame[0].transpose(2, 0, 1))


def test_random_crops_reach_both_ends_of_a_wide_frame(tmp_path):
    """The outer quarters are red and blue; the middle square shows neither."""
    frame = np.full((90, 160, 3), 128, np.uint8)
    frame[:, :25], frame[:, 135:] = (255, 0, 0), (0, 0, 255)
    video = write_clip(tmp_path / "wide.mp4", [frame] * 12, options={"crf": "1"})
    window, sampling = ClipWindow(video), SegmentSampling(2, shifts=2)
    cache = FrameCache.of_full_frames(tmp_path / "cache", PREPROCESSING, sampling)
    assert cache.fill([window], processes=1).encoded == 1
    clip = cache.frames_of(window, np.array([0, 3]))
    assert clip.shape == (2, 3, 256, 455)
    again = FrameCache.of_full_frames(tmp_path / "cache", PREPROCESSING, sampling)
    assert torch.equal(again.frames_of(window, np.array([0, 3])), clip)
    augment = Augmentation((32, 32), flip=False)
    crops = [augment._cropped(clip, np.random.default_rng(seed)).float() for seed in range(40)]
    assert any((crop[:, 0] - crop[:, 2]).max() > 150 for crop in crops)
    assert any((crop[:, 2] - crop[:, 0]).max() > 150 for crop in crops)
    middle = PREPROCESSING.fit(frame[None])[0].astype(int)
    assert abs(middle[..., 0] - middle[..., 2]).max() < 40
