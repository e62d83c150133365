from search.wording import span


def test_times_are_whole_seconds_that_hold_the_segment() -> None:
    assert span(3.4, 65.2) == "0:03 – 1:06"


def test_hours_are_shown_when_there_are_any() -> None:
    assert span(3599.2, 3601.0) == "59:59 – 1:00:01"
