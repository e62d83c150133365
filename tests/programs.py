"""Programs that some tests need and that pip does not bring."""

import os
import shutil
from collections.abc import Sequence

import pytest

# What a program is called, and the Debian package that brings it.
_PACKAGES = {"chromium": "chromium", "ffprobe": "ffmpeg", "cc": "gcc libc6-dev", "strace": "strace"}
_MISSING = "no {program!r} on the PATH"


def needed(program: str) -> str:
    """The place of a program; without it the test is skipped, and fails where CI runs."""
    place = shutil.which(program)
    if place is None:
        reason = _MISSING.format(program=program)
        if "CI" in os.environ:
            pytest.fail(f"{reason}: no test may be skipped for that in CI")
        pytest.skip(reason)
    return place


def summary(reasons: Sequence[str]) -> str | None:
    """What a run says at its end, given why tests were skipped; None if no program is missing."""
    counts = {
        program: sum(_MISSING.format(program=program) in reason for reason in reasons)
        for program in _PACKAGES
    }
    missing = {program: count for program, count in counts.items() if count}
    if not missing:
        return None
    told = ", ".join(f"{count} for want of {program}" for program, count in missing.items())
    packages = " ".join(_PACKAGES[program] for program in missing)
    return f"skipped: {told}. On Debian 'apt-get install {packages}' brings what is missing."
