"""Decoded sound, laid on a clip's own clock."""

from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from tasks.clips.sound import SOUND_RATE, PartSound, _laid, _SameForm

SECOND = SOUND_RATE


def tone(number: int, length: int) -> np.ndarray:
    """Samples that all hold one number, in stereo."""
    return np.full((2, length), number, np.float32)


def laid(*parts: tuple[float, np.ndarray], length: int = 3 * SECOND) -> list[tuple[int, int]]:
    """What is heard one after the other: a number, and for how many samples."""
    blocks = list(_laid(iter(parts), length))
    assert all(block.dtype == np.float32 and block.flags.c_contiguous for block in blocks)
    heard = np.concatenate(blocks, axis=1)[0] if blocks else np.empty(0)
    edges = np.flatnonzero(np.diff(heard)) + 1
    return [(int(part[0]), len(part)) for part in np.split(heard, edges) if len(part)]


def test_parts_follow_each_other_and_end_with_the_clip():
    parts = [(0.0, tone(1, SECOND)), (1.0, tone(2, SECOND)), (2.0, tone(3, 2 * SECOND))]
    assert laid(*parts) == [(1, SECOND), (2, SECOND), (3, SECOND)]
    assert laid(*parts, (4.0, tone(4, SECOND))) == [(1, SECOND), (2, SECOND), (3, SECOND)]


def test_gaps_are_silent():
    parts = [(0.5, tone(1, SECOND)), (2.0, tone(2, SECOND // 2))]
    half = SECOND // 2
    assert laid(*parts) == [(0, half), (1, SECOND), (0, half), (2, half)]


def test_a_silence_longer_than_the_clip_ends_with_it():
    assert laid((7.0, tone(1, SECOND))) == [(0, 3 * SECOND)]
    blocks = list(_laid(iter([(7.0, tone(1, 1))]), 3 * SECOND))
    assert [block.shape for block in blocks] == [(2, SECOND)] * 3


@pytest.mark.parametrize("off", [-0.02, -0.001, 0.001, 0.02])
def test_sound_that_is_nearly_in_its_place_follows_without_a_seam(off):
    assert laid((0.0, tone(1, SECOND)), (1.0 + off, tone(2, SECOND))) == [(1, SECOND), (2, SECOND)]


def test_what_overlaps_is_cut():
    assert laid((0.0, tone(1, SECOND)), (0.75, tone(2, SECOND))) == [
        (1, SECOND),
        (2, 3 * SECOND // 4),
    ]
    assert laid((0.0, tone(1, SECOND)), (0.25, tone(2, SECOND // 2)), (1.0, tone(3, 9))) == [
        (1, SECOND),
        (3, 9),
    ]


def test_what_was_before_the_clip_is_cut_and_its_beginning_is_exact():
    assert laid((-0.5, tone(1, SECOND))) == [(1, SECOND // 2)]
    assert laid((-2.0, tone(1, SECOND)), (0.0, tone(2, 9))) == [(2, 9)]
    # No seam can be heard here, so nothing is moved.
    assert laid((0.01, tone(1, 9))) == [(0, SECOND // 100), (1, 9)]


def test_a_gap_that_is_longer_than_the_rest_of_the_clip_ends_with_it():
    assert laid((0.0, tone(1, SECOND)), (7.0, tone(2, 9))) == [(1, SECOND), (0, 2 * SECOND)]


def test_nothing_is_heard_of_nothing():
    assert laid() == []


def frame(
    samples: int, *, at_s: float | None = None, rate: int = SOUND_RATE, layout: str = "stereo"
) -> Any:
    """Silence of some samples in floats, with its time."""
    channels = 1 if layout == "mono" else 2
    silence = np.zeros((channels, samples), np.float32)
    made = av.AudioFrame.from_ndarray(silence, format="fltp", layout=layout)
    made.sample_rate, made.time_base = rate, Fraction(1, 1000)
    made.pts = None if at_s is None else round(1000 * at_s)
    return made


def resampled(*frames: Any) -> list[tuple[float, tuple[int, ...]]]:
    same_form = _SameForm()
    return [
        (pytest.approx(time_s), samples.shape)
        for one in frames
        for time_s, samples in same_form.of(one)
    ]


def test_sound_without_a_time_follows_what_was_before():
    assert resampled(frame(480), frame(480, at_s=2), frame(480), frame(480)) == [
        (0, (2, 480)),
        (2, (2, 480)),
        (2.01, (2, 480)),
        (2.02, (2, 480)),
    ]


def test_sound_becomes_stereo_at_one_rate_and_may_change_its_form():
    assert resampled(frame(480, at_s=1, layout="mono")) == [(1, (2, 480))]
    slow, after = resampled(frame(24_000, at_s=1, rate=24_000), frame(480, at_s=3))
    assert slow[0] == 1
    assert 47_900 < slow[1][1] <= 48_000
    assert after == (3, (2, 480))


class Sound:
    """A packet of sound at a time of the file, in milliseconds, that is decoded to some frames."""

    time_base = Fraction(1, 1000)

    def __init__(self, pts: int | None, *frames: Any) -> None:
        self.pts, self._frames = pts, frames

    def decode(self) -> tuple[Any, ...]:
        if not self._frames:
            raise av.error.InvalidDataError(1, "damaged")
        return self._frames


def part(*packets: Sound, begins_us: int = 0, is_known: bool = True) -> tuple[PartSound, Any]:
    """The part from two to three seconds of a file with these packets of sound."""
    context = SimpleNamespace(codec=SimpleNamespace(canonical_name="mp3")) if is_known else None
    stream = SimpleNamespace(codec_context=context)
    asked: list[tuple[float, float]] = []

    def packets_between(_stream: Any, from_s: float, until_s: float) -> Iterator[Sound]:
        asked.append((from_s, until_s))
        return iter(packets)

    video: Any = SimpleNamespace(
        container=SimpleNamespace(streams=SimpleNamespace(audio=[stream]), start_time=begins_us),
        packets_between=packets_between,
    )
    return PartSound(video, 2.0, 3.0), asked


def test_sound_is_decoded_from_a_second_before_and_put_on_the_clips_own_clock():
    packets = [Sound(12_000, frame(480)), Sound(12_500, frame(480)), Sound(None, frame(480))]
    sound, asked = part(*packets, begins_us=10_000_000)
    blocks = list(sound.blocks())
    assert asked == [(11.0, 13.0)]
    assert [packet.pts for packet in packets] == [0, 500, None]
    assert [block.pts for block in blocks] == [0, 480, 960]
    assert {(block.sample_rate, block.layout.name) for block in blocks} == {(48_000, "stereo")}
    assert {block.time_base for block in blocks} == {Fraction(1, 48_000)}
    assert sound.lost is None


@pytest.mark.parametrize(
    ("packets", "lost"),
    [
        ([Sound(2000), Sound(2500)], "the sound is missing: it cannot be decoded (mp3)"),
        ([Sound(2000), Sound(2500, frame(9))], "part of the sound is missing: it is damaged"),
        # What is damaged before the part, or at an unknown time, is not missing in it.
        ([Sound(1999), Sound(2500, frame(9))], None),
        ([Sound(None), Sound(2500, frame(9))], None),
        ([], None),
    ],
)
def test_it_is_told_what_of_the_sound_is_missing(packets, lost):
    sound, _ = part(*packets)
    list(sound.blocks())
    assert sound.lost == lost


def test_sound_in_an_unknown_form_is_missing_as_a_whole():
    sound, asked = part(Sound(2000, frame(9)), is_known=False)
    assert list(sound.blocks()) == []
    assert sound.lost == "the sound is missing: it cannot be decoded (an unknown form)"
    assert asked == []


def test_sound_beyond_a_seam_leaves_a_gap_or_is_cut():
    off = 961 / SOUND_RATE
    first = (0.0, tone(1, SECOND))
    assert laid(first, (1 + off, tone(2, 9))) == [(1, SECOND), (0, 961), (2, 9)]
    assert laid(first, (1 - off, tone(2, 970))) == [(1, SECOND), (2, 9)]
