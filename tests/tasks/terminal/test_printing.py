"""Small things that the shell shows."""

import pytest

from search.wording import clock, counted, printable


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (5.26, "0:05.3"), (59.99, "1:00.0"), (62.5, "1:02.5"), (3723.4, "1:02:03.4")],
)
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_counted():
    assert counted(1, "video") == "1 video"
    assert counted(3, "video") == "3 videos"


def test_control_characters_and_stray_bytes_are_spelled_out():
    assert printable("a\nb\x1b[31m\udcff🐈") == "a\\nb\\x1b[31m\\udcff🐈"
