"""The one way in which a file fails."""

from __future__ import annotations

READ = "read"  # the disk's failure, not the file's: it says nothing about what the file holds


class DecodeFailed(Exception):
    """A file that cannot be indexed: at which stage it failed, and why, in words for people.

    ``stage`` is one of "read", "size", "signature", "probe", "decode", "timeout", "memory" and
    "crash".
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage, reason)
        self.stage = stage
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class GivenUp(Exception):
    """Nobody waits any more for what was asked for: the run is to stop."""


class TextInstead(DecodeFailed):
    """The file is a text, or empty: with some endings nothing else could be expected."""
