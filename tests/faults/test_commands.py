"""Whatever is typed, set or damaged, a command ends with a word and an exit code from 0 to 3.

A few of those that `python -m benchmarks.reliability.commands` tries.
"""

import argparse
from pathlib import Path

from benchmarks.reliability.commands.running import run_commands

OLD = Path(__file__).parents[1] / "old_library"
COUNT = 40


def test_commands_with_nonsense_and_on_damaged_libraries_end_as_they_should() -> None:
    options = argparse.Namespace(
        first=0, count=COUNT, seed=7, library=OLD / "library", videos=OLD / "videos"
    )
    outcomes = list(run_commands(options))
    assert [one.number for one in outcomes] == list(range(COUNT))
    assert [(one.what, one.arguments, one.wrong) for one in outcomes if one.wrong] == []
    assert {one.code for one in outcomes} >= {0, 1, 2}
