"""Runs the command in this process, so that torch is loaded once for all tests."""

import sys

from ui import cli


def call(*arguments: object) -> int:
    """The exit code of `kinodex` with these arguments."""
    before, sys.argv = sys.argv, ["kinodex", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = before
    return 0
