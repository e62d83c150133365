"""Times and days as people type them."""

from datetime import date

import pytest

from search.queries.times import clock_seconds, day, length_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("62", 62),
        ("62.5", 62.5),
        (".5", 0.5),
        ("3.", 3),
        ("1:02", 62),
        ("1:02.5", 62.5),
        ("1:02:03.5", 3723.5),
        ("0:90", 90),
        ("1:2:3:4", None),
        ("", None),
        (":", None),
        ("1:", None),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        (" 1", None),
        ("١", None),
    ],
)
def test_a_time_is_that_of_a_clock(text, seconds):
    assert clock_seconds(text) == seconds
    assert length_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("1.5s", 1.5),
        ("2m", 120),
        ("2min", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h2m3s", 3723),
        ("1h 30m", None),
        ("1h30", None),
        ("h", None),
        ("s15", None),
        ("1d", None),
        ("٣s", None),
    ],
)
def test_a_length_may_name_its_units(text, seconds):
    assert length_seconds(text) == seconds
    assert clock_seconds(text) is None


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("2024", date(2024, 1, 1)),
        ("2024-05", date(2024, 5, 1)),
        ("2024-5-7", date(2024, 5, 7)),
        ("2024-02-29", date(2024, 2, 29)),
        ("1800", date(1800, 1, 1)),
        ("9999-12-31", date(9999, 12, 31)),
        ("1799-12-31", None),
        ("2023-02-29", None),
        ("2024-13", None),
        ("2024-00-10", None),
        ("24", None),
        ("2024-", None),
        ("2024/05", None),
        ("٢٠٢٤", None),
        ("", None),
    ],
)
def test_a_day_is_the_first_of_what_is_named(text, begins):
    assert day(text) == begins
