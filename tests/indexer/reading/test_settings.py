"""Settings check themselves and explain themselves."""

import math

import pytest
from pydantic import ValidationError

from indexer.reading.settings import IndexSettings


def test_every_setting_has_a_default_and_a_description() -> None:
    for name, one in IndexSettings.model_fields.items():
        assert not one.is_required(), name
        assert one.description, name


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="sample_rat"):
        IndexSettings(sample_rat=3)  # type: ignore[call-arg]


def test_segments_must_be_divisible() -> None:
    with pytest.raises(ValidationError, match=r"min_segment_s \(5\) must be at most half of"):
        IndexSettings(min_segment_s=5, max_segment_s=9)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, 10**400])
@pytest.mark.parametrize(
    "name", [name for name, one in IndexSettings.model_fields.items() if one.annotation is float]
)
def test_no_number_is_endless(name: str, value: float) -> None:
    with pytest.raises(ValidationError):
        IndexSettings(**{name: value})


# Refused as too small, the smallest that is taken, the largest, and refused as too large.
BOUNDS = {
    "sample_rate": (0, 0.001, 60, 60.1),
    "min_frames_per_segment": (0, 1, 256, 257),
    "max_segment_s": (0.99, 1, 600, 601),
    "min_segment_s": (0, 0.001, 60, 60.1),
    "shot_threshold": (0, 0.001, 1000, 1001),
    "duplicate_threshold": (-0.1, 0, 255, 255.1),
    "keyframe_quality": (0, 1, 95, 96),
    "decode_threads": (0, 1, 64, 65),
    "max_pixels": (0, 1, 2**31 - 1, 2**31),
    "max_hours": (0, 0.001, 100_000, 100_001),
    "max_gb": (0, 0.001, 1_000_000, 1_000_001),
    "watch_every_s": (0, 0.001, 86_400, 86_401),
    "watch_still_s": (-0.1, 0, 86_400, 86_401),
    "decode_timeout_s": (0, 0.001, 86_400, 86_401),
    "decoder_memory_gb": (0.49, 0.5, 4096, 4097),
}


def test_every_number_has_bounds() -> None:
    numbers = {n for n, one in IndexSettings.model_fields.items() if one.annotation in (int, float)}
    assert numbers == set(BOUNDS)


@pytest.mark.parametrize("name", BOUNDS)
def test_numbers_within_bounds_are_taken_and_no_others(name: str) -> None:
    small, smallest, largest, large = BOUNDS[name]
    beside = {"max_segment_s": 600} if name == "min_segment_s" else {}
    for value in (smallest, largest):
        assert getattr(IndexSettings(**{name: value}, **beside), name) == value
    for value in (small, large):
        with pytest.raises(ValidationError, match=name):
            IndexSettings(**{name: value}, **beside)


def test_half_of_the_longest_segment_is_the_most_for_the_shortest() -> None:
    assert IndexSettings(min_segment_s=4, max_segment_s=8).min_segment_s == 4
    with pytest.raises(ValidationError, match="at most half"):
        IndexSettings(min_segment_s=4.01, max_segment_s=8)


def test_these_are_the_settings_that_videos_are_indexed_by() -> None:
    assert IndexSettings().model_dump() == {
        "sample_rate": 2.0,
        "min_frames_per_segment": 8,
        "max_segment_s": 12.0,
        "min_segment_s": 0.5,
        "shot_threshold": 1.0,
        "skip_duplicates": True,
        "duplicate_threshold": 6.0,
        "keyframe_quality": 85,
        "decoder": "pyav",
        "decode_threads": 2,
        "max_pixels": 40_000_000,
        "max_hours": 12.0,
        "max_gb": 1000.0,
        "watch_every_s": 5.0,
        "watch_still_s": 5.0,
        "decode_timeout_s": 60.0,
        "decoder_memory_gb": 4.0,
    }


def test_a_segment_may_be_half_as_short_as_it_may_be_long() -> None:
    assert IndexSettings(min_segment_s=5, max_segment_s=10).min_segment_s == 5
    with pytest.raises(ValidationError):
        IndexSettings(sample_rate=2.0).sample_rate = 3.0
