"""How large frames are decoded."""

from dataclasses import replace

import pytest

from indexer.reading.frames import decoded_size
from indexer.reading.probe import VideoInfo

VIDEO = VideoInfo("mp4", "h264", 4.0, 0.0, 640, 360, 0, 25.0, 100, None)


@pytest.mark.parametrize(
    ("video", "decoded"),
    [
        ((640, 360), (398, 224)),
        ((360, 640), (224, 398)),
        ((224, 224), (224, 224)),
        ((100, 100), (224, 224)),
        ((800, 100), (1792, 224)),
        ((900, 100), (1792, 224)),
        ((100, 900), (224, 1792)),
    ],
)
def test_the_shorter_side_is_as_asked_for_and_the_longer_eight_times_that_at_most(video, decoded):
    width, height = video
    assert decoded_size(replace(VIDEO, width=width, height=height), 224) == decoded


def test_sides_are_even_and_never_nothing():
    assert decoded_size(replace(VIDEO, width=100, height=100), 7) == (8, 8)
    assert decoded_size(replace(VIDEO, width=100, height=100), 1) == (2, 2)
    assert decoded_size(replace(VIDEO, width=300, height=100), 33) == (100, 32)
