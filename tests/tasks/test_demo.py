"""What the demo tells people to type next."""

import sys
from pathlib import Path

import pytest

from tasks import demo


@pytest.mark.parametrize(
    ("called", "told"),
    [("bin/kinodex", "bin/kinodex"), ("site/kinodex/__main__.py", "bin/python -m kinodex")],
)
def test_it_is_called_again_as_it_was_called(monkeypatch, tmp_path, called, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / called)])
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / "bin" / "python"))
    assert demo._command() == told
