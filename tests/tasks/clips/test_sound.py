"""Decoded sound, laid on a clip's own clock."""

import numpy as np
import pytest

from tasks.clips.sound import SOUND_RATE, _laid

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


def test_nothing_is_heard_of_nothing():
    assert laid() == []
