"""Times and days as people type them."""

import re
from datetime import date

_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h)")
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_FIRST_YEAR = 1800
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def clock_seconds(text: str) -> float | None:
    """What `1:02:03.5`, `1:02` and `62` say, in seconds; None for anything else."""
    parts = text.split(":")
    if len(parts) > 3 or not all(_NUMBER.fullmatch(part) and part.isascii() for part in parts):
        return None
    total_s = 0.0
    for part in parts:
        total_s = total_s * 60 + float(part)
    return total_s


def length_seconds(text: str) -> float | None:
    """The same, and `15s`, `2m`, `1h30m`; None for anything else."""
    amounts = _AMOUNT.findall(text) if text.isascii() else []
    if amounts and "".join(number + unit for number, unit in amounts) == text:
        return sum(float(number) * _UNITS_S[unit] for number, unit in amounts)
    return clock_seconds(text)


def day(text: str) -> date | None:
    """`2024`, `2024-05` and `2024-05-17` as the day on which they begin; None for anything else.

    Years before 1800 are anything else: no video is so old, and clocks do not reach back so far.
    """
    found = _DAY.fullmatch(text) if text.isascii() else None
    if found is None:
        return None
    year, month, number = (int(part or 1) for part in found.groups())
    if year < _FIRST_YEAR:
        return None
    try:
        return date(year, month, number)
    except ValueError:
        return None
