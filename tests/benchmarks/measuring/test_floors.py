from pathlib import Path

import numpy as np
import pytest

from benchmarks.inputs.footage import Shot, write_clip
from benchmarks.measuring.bare_decoding import decode
from benchmarks.measuring.floors import Rounds, figures_of, frame_numbers, sampled_frames
from benchmarks.measuring.timing import Timing
from tests.tiny import tiny_backbone

STARTS_S = np.array([0.0, 0.0333, 0.0667, 0.1])


def test_times_become_frame_numbers_in_spite_of_rounding():
    assert frame_numbers(np.array([0.0, 0.067, 0.1001]), STARTS_S) == [0, 2, 3]


def test_a_time_between_frames_is_refused():
    with pytest.raises(ValueError, match="do not agree"):
        frame_numbers(np.array([0.05]), STARTS_S)


def test_the_bare_decoder_reads_the_frames_that_indexing_sampled(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mp4", [Shot(2, motion_px=4)], seed=1)
    [sampled] = sampled_frames([clip], tiny_backbone())
    assert len(sampled.numbers) == 8
    [frames] = decode([sampled])
    assert frames.shape == (8, 224, 398, 3)


def test_indexing_is_compared_with_the_floors_of_the_same_round():
    def took(*clock_s: float) -> list[Timing]:
        return [Timing(value, 2 * value) for value in clock_s]

    rounds = Rounds(
        timings={
            "decode": took(1, 2, 1),
            "forward": took(3, 6, 3),
            "script": took(4, 6, 5),
            "before": took(8, 12, 25),
            "indexing": took(4, 12, 5),
            "skipping": took(2, 3, 5),
        },
        frames={
            "decode": 10,
            "forward": 10,
            "script": 9,
            "before": 8,
            "indexing": 10,
            "skipping": 8,
        },
    )
    figures = {figure.figure: figure.value for figure in figures_of(rounds)}
    assert figures["indexing / (decode + forward), median"] == 1.25
    assert figures["the same, best round"] == 1.0
    assert figures["the same, worst round"] == 1.5
    assert figures["share of frames that skipping saves"] == pytest.approx(0.2)
    assert figures["share of time that skipping saves"] == 0.5
    assert figures["skipping / before, median"] == 0.25
    assert figures["skipping / script, median"] == 0.5
