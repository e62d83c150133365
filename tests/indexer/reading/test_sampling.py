"""Which frames stand for the segments of a clip."""

import numpy as np
import pytest

from indexer.reading import clip as clip_frames
from indexer.reading.clip import ClipFrames, sample_clip
from indexer.reading.sampling import SegmentSampling
from indexer.reading.settings import IndexSettings
from tests.corpus import read_number, shots, write_clip


def at_rate(count: int, rate: float = 30.0) -> tuple[list[float], float]:
    """Times of so many frames, and when the last one ends."""
    return [frame / rate for frame in range(count)], count / rate


def sampled(path, sampling, start_s=None, end_s=None) -> ClipFrames:
    return sample_clip(
        path,
        start_s=start_s,
        end_s=end_s,
        sampling=sampling,
        short_side=96,
        settings=IndexSettings(),
    )


def numbers(clip: ClipFrames) -> list[int]:
    return [read_number(frame) for frame in clip.frames]


@pytest.mark.parametrize(
    ("count", "positions"),
    [
        (300, [19, 56, 94, 131, 169, 206, 244, 281]),
        (20, [1, 4, 6, 9, 11, 14, 16, 19]),
        (5, [1, 1, 2, 2, 3, 4, 4, 5]),
        (1, [1] * 8),
    ],
)
def test_centres_are_those_of_the_published_lists(count, positions):
    # The lists count from 1.
    assert SegmentSampling().chosen(*at_rate(count)) == [position - 1 for position in positions]


@pytest.mark.parametrize("rate", [7.0, 24_000 / 1001, 29.97, 240.0])
@pytest.mark.parametrize("segments", [1, 3, 8, 32])
def test_centres_follow_the_formula_whatever_the_rate_and_the_rounding(segments, rate):
    for count in range(1, 130):
        if count <= segments:
            exact = [number * count // segments for number in range(segments)]
        else:  # floor(i · n / T + (n / T - 1) / 2), in whole numbers
            exact = [
                (2 * number * count + count - segments) // (2 * segments)
                for number in range(segments)
            ]
        times_s, end_s = at_rate(count, rate)
        rounded = [round(time_s, 3) for time_s in times_s]
        assert SegmentSampling(segments).chosen(times_s, end_s) == exact
        assert SegmentSampling(segments).chosen(rounded, round(end_s, 3)) == exact


def test_time_counts_and_not_the_number_of_frames():
    # One second of many frames, then a still of three seconds.
    times_s = [*(frame / 20 for frame in range(20)), 1.0]
    assert SegmentSampling(4).chosen(times_s, 4.0) == [9, 19, 20, 20]


def test_a_clip_may_begin_late_in_its_file():
    late = [time_s + 100 for time_s in at_rate(20)[0]]
    expected = SegmentSampling().chosen(*at_rate(20))
    assert SegmentSampling().chosen(late, 100 + 20 / 30) == expected


@pytest.mark.parametrize("count", [5, 8, 9, 17, 100, 300])
def test_the_middle_of_several_shifts_is_the_centre(count):
    several = np.array(SegmentSampling(8, shifts=3).chosen(*at_rate(count)))
    rows = SegmentSampling(8, shifts=3).centred(1)[0]
    assert several[rows].tolist() == SegmentSampling(8).chosen(*at_rate(count))


def test_shifts_are_spread_over_their_own_segment():
    positions = np.array(SegmentSampling(4, shifts=5).chosen(*at_rate(100))).reshape(4, 5)
    assert (positions // 25 == np.arange(4)[:, None]).all()
    assert (np.diff(positions, axis=1) == 5).all()


def test_a_shifted_sampling_takes_one_frame_of_each_segment():
    sampling = SegmentSampling(4, shifts=3)
    rows = sampling.shifted(200, np.random.default_rng(0))
    assert (rows // 3 == np.arange(4)).all()
    assert set((rows % 3).ravel().tolist()) == {0, 1, 2}
    assert len({tuple(row) for row in rows.tolist()}) > 60  # of 3⁴
    again = sampling.shifted(200, np.random.default_rng(0))
    assert (rows == again).all()


@pytest.mark.parametrize("wrong", [{"segments": 0}, {"shifts": 0}])
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        SegmentSampling(**wrong)


def test_frames_of_a_file_are_those_at_the_centres(good_videos):
    # 75 frames at 25 a second.
    clip = sampled(good_videos["plain.mp4"], SegmentSampling(5))
    assert numbers(clip) == [7, 22, 37, 52, 67]
    assert clip.times_s == pytest.approx([0.28, 0.88, 1.48, 2.08, 2.68], abs=0.001)


def test_frames_of_a_window_are_those_of_its_own_segments(good_videos):
    clip = sampled(good_videos["plain.mp4"], SegmentSampling(2), 1.0, 2.0)
    assert numbers(clip) == [30, 43]  # of 25 to 49: floor(25 · i / 2 + 5.75)


def test_a_clip_with_fewer_frames_than_segments_repeats_them(tmp_path):
    video = write_clip(tmp_path / "short.mp4", shots([3]))
    assert numbers(sampled(video, SegmentSampling(5, shifts=2))) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_a_window_between_two_frames_repeats_the_one_on_the_screen(good_videos):
    clip = sampled(good_videos["plain.mp4"], SegmentSampling(3), 1.001, 1.03)
    assert numbers(clip) == [25, 25, 25]


def test_a_clip_with_too_many_frames_to_hold_gives_the_same(good_videos, monkeypatch):
    expected = sampled(good_videos["plain.mp4"], SegmentSampling(4, shifts=3))
    monkeypatch.setattr(clip_frames, "_FRAMES_IN_HAND", 10)
    again = sampled(good_videos["plain.mp4"], SegmentSampling(4, shifts=3))
    assert (again.frames == expected.frames).all()
    assert (again.times_s == expected.times_s).all()
