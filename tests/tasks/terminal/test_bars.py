"""The progress bar of long work, on a real terminal."""

import os
import subprocess
import sys

import pytest

# The bar stands between the lines, as if both went to one screen.
_PROGRAM = """
from tasks.terminal.printing import data
from tasks.terminal.bars import WorkBar
with WorkBar("sketching", "sketches") as bar:
    bar.show(0, 2)
    data("first.svg")
    bar.show(1.5, 2)
    data("second.svg")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_data_goes_into_the_pipe_while_the_bar_is_on_the_terminal():
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b"first.svg\nsecond.svg\n"
    assert "sketching" in shown
    assert "first.svg" not in shown
