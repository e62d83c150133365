"""Frames to calibrate by come from all over the videos, and from those that can be read."""

from pathlib import Path

import numpy as np
import pytest

from indexer import calibration_frames
from indexer.calibration_frames import STRETCHES, stretches
from indexer.reading.settings import IndexSettings
from tests.corpus import read_number, shots, write_clip
from tests.tiny import tiny_backbone

PREPROCESSING = tiny_backbone().preprocessing


def taken(*files: Path) -> list[np.ndarray]:
    return stretches(files, PREPROCESSING, IndexSettings())


def test_short_videos_give_one_stretch_of_the_models_size(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", shots([50]))
    [stretch] = taken(clip)
    assert (stretch.shape, stretch.dtype) == ((4, 32, 32, 3), np.uint8)


def test_a_file_that_cannot_be_read_gives_none(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", shots([30]))
    (tmp_path / "b.mp4").write_bytes(clip.read_bytes()[:400])
    assert len(taken(tmp_path / "b.mp4", clip)) == 1


def test_a_long_video_gives_stretches_from_all_over_it(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        type(PREPROCESSING), "fit", lambda self, frames: seen.append(frames) or frames
    )
    clip = write_clip(tmp_path / "a.mp4", shots([170]), rate=10)
    assert len(taken(clip)) == 4
    first = [read_number(frames[0]) for frames in seen]
    assert first == sorted(first)
    assert np.diff(first).min() >= 40  # four seconds and more: none overlap
    assert first[-1] > 120


@pytest.mark.parametrize(
    ("length_s", "count", "starts_s"),
    [(2.0, 5, [0.0]), (8.0, 5, [0.0, 4.0]), (100.0, 2, [23.0, 73.0])],
)
def test_stretches_lie_in_the_middle_of_equal_parts(length_s, count, starts_s):
    assert calibration_frames._starts_s(length_s, count) == starts_s


def test_of_many_files_some_are_read_from_the_first_to_the_last():
    some = calibration_frames._spread(range(500), STRETCHES)
    assert (len(some), some[0], some[-1]) == (50, 0, 490)
    assert calibration_frames._spread([1, 2], STRETCHES) == [1, 2]
