"""Runs the command in this process, so that torch is loaded once for all tests."""

import json
import sys

import pytest

from ui.cli import main as cli


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


def shown_json(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict:
    """What a command prints with --json."""
    capsys.readouterr()
    assert call(*arguments, "--json") == code
    return json.loads(capsys.readouterr().out)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr since the last look, on one line and without frames around it."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())
