"""Notes of what a program runs."""

import subprocess
import sys
from pathlib import Path

from benchmarks.reliability.blocks import NOTES, noting

SOURCE = '''"""Text."""
from __future__ import annotations
class A:
    def f(self, a):
        """Text."""
        if a:
            return 1
        else:
            return 2
def g():
    try:
        A().f(0)
    finally:
        pass
g()
'''


def test_a_process_notes_the_blocks_that_it_runs(tmp_path, monkeypatch):
    monkeypatch.setenv(NOTES, str(tmp_path))
    names: dict[str, int] = {}
    program = noting(SOURCE, "a.py", names)
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])

    [notes] = tmp_path.iterdir()
    run = {name for name, number in names.items() if str(number) in notes.read_text().split()}
    assert names.keys() - run == {"a.py::A.f@1"}
    assert run == {"a.py::A.f@0", "a.py::A.f@2", "a.py::g@0", "a.py::g@1", "a.py::g@2"}
