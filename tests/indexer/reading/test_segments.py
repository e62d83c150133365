"""Segments cover the video, keep to their limits, and hold evenly spread frames."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from indexer.reading import segments as segments_module
from indexer.reading.segments import FramedSpan, HeldFrame, SegmentCutter
from indexer.reading.settings import IndexSettings
from indexer.reading.shots import ShotFrame


class Picture:
    """A frame that counts how often its pixels were asked for."""

    look = np.zeros((3, 2, 2), np.float32)

    def __init__(self, time_s: float) -> None:
        self.time_s = time_s
        self.conversions = 0

    def pixels(self) -> np.ndarray:
        self.conversions += 1
        return np.zeros((2, 2, 3), np.uint8)


def segments(
    duration_s: float,
    cuts_s: Sequence[float] = (),
    *,
    rate: float = 25,
    times_s: Sequence[float] | None = None,
    settings: IndexSettings | None = None,
) -> tuple[list[FramedSpan], list[Picture]]:
    if times_s is None:
        times_s = (np.arange(max(1, round(duration_s * rate))) / rate).tolist()
    pictures = [Picture(time_s) for time_s in times_s]
    cutter, left = SegmentCutter(settings or IndexSettings()), sorted(cuts_s)
    marked = []
    for picture in pictures:
        starts_shot = bool(left) and picture.time_s >= left[0]
        while left and picture.time_s >= left[0]:
            left.pop(0)
        marked.append(ShotFrame(frame=picture, starts_shot=starts_shot))
    return [*cutter.cut(marked), *cutter.finish(duration_s)], pictures


def spans(found: list[FramedSpan]) -> list[tuple[float, float]]:
    return [(round(one.start_s, 3), round(one.end_s, 3)) for one in found]


def test_a_short_video_is_one_segment() -> None:
    found, _ = segments(3.0)

    assert spans(found) == [(0, 3)]


def test_shots_become_segments() -> None:
    found, _ = segments(9.0, [2.0, 5.0])

    assert spans(found) == [(0, 2), (2, 5), (5, 9)]


def test_a_long_shot_is_split_evenly() -> None:
    assert spans(segments(12.4)[0]) == [(0, 6.2), (6.2, 12.4)]
    assert spans(segments(24.0)[0]) == [(0, 12), (12, 24)]
    assert spans(segments(30.0)[0]) == [(0, 12), (12, 21), (21, 30)]


def test_a_sliver_joins_the_next_shot() -> None:
    assert spans(segments(6.0, [2.0, 2.2])[0]) == [(0, 2), (2, 6)]
    assert spans(segments(6.0, [0.3])[0]) == [(0, 6)]


def test_the_last_sliver_joins_the_shot_before() -> None:
    assert spans(segments(6.0, [5.8])[0]) == [(0, 6)]
    assert spans(segments(12.2, [12.0])[0]) == [(0, 6.1), (6.1, 12.2)]


def test_frames_come_at_the_sample_rate() -> None:
    [found], _ = segments(10.0, rate=30)

    assert [frame.time_s for frame in found.frames] == pytest.approx(np.arange(20) / 2)


def test_frames_are_those_that_follow_the_sample_times() -> None:
    [found], _ = segments(10.0, rate=25)

    assert [frame.time_s for frame in found.frames] == pytest.approx(np.arange(20) / 2, abs=0.021)


@pytest.mark.parametrize("length_s", [0.5, 0.8, 1.0, 1.7, 2.3, 3.0, 3.9])
def test_a_short_segment_gets_its_least_frames_evenly(length_s: float) -> None:
    found, _ = segments(length_s + 10, [10.0])
    times_s = [frame.time_s for frame in found[-1].frames]
    gaps_s = np.diff(times_s)

    assert 8 <= len(times_s) <= 9
    assert max(gaps_s) <= 2.5 * min(gaps_s)
    assert times_s[0] == 10.0
    assert found[-1].end_s - times_s[-1] <= max(gaps_s) + 0.04


def test_all_frames_are_taken_where_there_are_few() -> None:
    [found], _ = segments(0.2)
    assert [frame.time_s for frame in found.frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])

    [single], _ = segments(0.04)
    assert [frame.time_s for frame in single.frames] == [0.0]


def test_a_frame_that_stays_on_the_screen_stands_for_every_span_it_shows_in() -> None:
    found, _ = segments(40.0, times_s=[0.0, 1.0, 30.0])

    assert spans(found) == [(0, 12), (12, 26), (26, 40)] or len(found) == 4
    assert all(segment.frames for segment in found)
    assert [frame.time_s for frame in found[1].frames] == [1.0]


def test_a_video_whose_picture_starts_late_is_covered_from_its_beginning() -> None:
    found, _ = segments(35.0, times_s=(30 + np.arange(125) / 25).tolist())

    assert found[0].start_s == 0
    assert [frame.time_s for frame in found[0].frames] == [30.0]


def test_few_frames_of_a_long_shot_are_converted() -> None:
    _, pictures = segments(20.0)

    assert sum(picture.conversions for picture in pictures) <= 41
    assert max(picture.conversions for picture in pictures) == 1


def test_segments_come_while_the_video_is_still_being_read() -> None:
    seen: list[float] = []

    def endless():  # type: ignore[no-untyped-def]
        for number in range(10_000):
            seen.append(number / 25)
            yield ShotFrame(frame=Picture(number / 25), starts_shot=False)

    next(SegmentCutter(IndexSettings()).cut(endless()))

    assert seen[-1] < 25


@pytest.mark.parametrize("seed", range(40))
def test_segments_keep_their_promises_for_any_cuts(seed: int) -> None:
    random = np.random.default_rng(seed)
    duration_s = float(random.choice([0.04, 0.3, 0.7, 3.0, 13.0, 50.0, 130.0]))
    rate = float(random.choice([6, 25, 29.97, 50]))
    cuts_s = random.uniform(0, duration_s, size=int(random.integers(0, 40))).tolist()
    settings = IndexSettings()

    found, pictures = segments(duration_s, cuts_s, rate=rate)
    # The last frame of an odd rate may begin a little before the rounded end.
    lengths_s = [one.end_s - one.start_s for one in found]

    assert [one.index for one in found] == list(range(len(found)))
    assert (found[0].start_s, found[-1].end_s) == (0.0, duration_s)
    assert all(one.end_s == other.start_s for one, other in pairwise(found))
    assert max(lengths_s) <= settings.max_segment_s + 1e-6
    assert min(lengths_s) >= min(settings.min_segment_s, duration_s) - 1e-6
    for one in found:
        times_s = [frame.time_s for frame in one.frames]
        inside = sum(one.start_s <= picture.time_s < one.end_s for picture in pictures)
        wanted = max(8, round((one.end_s - one.start_s) * 2))
        assert times_s == sorted(set(times_s))
        assert all(one.start_s <= time_s <= one.end_s for time_s in times_s)
        assert min(inside, 8) <= len(times_s) <= wanted + 1


def test_of_a_shot_twice_the_frames_of_a_short_segment_are_held_until_its_rate_is_reached() -> None:
    settings = IndexSettings(sample_rate=2, min_frames_per_segment=4)
    sampler = segments_module._Sampler(settings, start_s=0.0)
    held = []
    for number in range(200):
        sampler.offer(HeldFrame(Picture(number / 100)))
        held.append(len(sampler.frames))
    assert held[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 6, 6]
    assert max(held) == 8
    assert [frame.time_s for frame in sampler.frames] == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]


def test_a_frame_may_be_a_fiftieth_of_a_step_early_as_times_are_rounded() -> None:
    sampler = segments_module._Sampler(IndexSettings(sample_rate=2), start_s=10.0)
    sampler._step_s = 0.5
    times_s = (10.0, 10.485, 10.4901, 10.985, 10.9901)
    assert [sampler._cell(time_s) for time_s in times_s] == [0, 0, 1, 1, 2]
