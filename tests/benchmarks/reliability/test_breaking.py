"""A mistake that a test notices, and one that none does."""

from pathlib import Path

import pytest

from benchmarks.reliability.blocks import noting
from benchmarks.reliability.breaking import Verdict, figures, judge, parcels, without_false_alarms
from benchmarks.reliability.covering import Covering, closest_first, imported
from benchmarks.reliability.forked_tests import Job, TestRunner
from benchmarks.reliability.places import places

PROJECT = Path(__file__).parents[3]
CODE = "def half(a):\n    return a / 2\n\ndef most():\n    return 2 * 5\n"
TEST = """from small import half, most
def test_half(): assert half(4) == 2
def test_most(): assert most()
def test_nothing(): pass
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of one module, which finds this one's benchmarks."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "benchmarks").symlink_to(PROJECT / "benchmarks")
    (tree / "small.py").write_text(CODE)
    (tree / "test_small.py").write_text(TEST)
    return tree


def verdict(noticed: str | None) -> Verdict:
    return Verdict("search/a.py:1", "return", noticed, noticed == "hung", 1, 1, "")


def covered(test: str, *blocks: str, seconds: float = 0.1) -> Covering:
    return Covering(test, seconds, frozenset(blocks))


def test_tests_notice_what_they_check_and_the_copy_is_mended(tree: Path) -> None:
    tests = [
        covered("test_small.py::test_nothing"),
        covered("test_small.py::test_half", "small.py::half@0"),
        covered("test_small.py::test_most", "small.py::most@0"),
    ]
    ways = [
        next(way for way in place if way.kind == "operator")
        for place in places(CODE, "small.py")
        if any(way.kind == "operator" for way in place)
    ]
    with TestRunner(tree, libraries=[]) as runner:
        half, most = [judge(way, tree, runner, tests, 9.0) for way in ways]

    assert (half.noticed, half.place) == ("test_small.py::test_half", "small.py:2")
    assert (most.noticed, most.place, most.tests) == (None, "small.py:5", 1)
    assert most.change == "-    return 2 * 5\n+    return (2 / 5)"
    assert (tree / "small.py").read_text() == CODE


def test_a_test_that_fails_on_sound_code_notices_nothing(tree: Path) -> None:
    (tree / "test_small.py").write_text(TEST + "def test_broken(): assert not most()\n")
    tests = [covered(f"test_small.py::test_{name}") for name in ("broken", "half", "most")]
    verdicts = [verdict(f"test_small.py::test_{name}") for name in ("broken", "half")]

    kept = without_false_alarms([*verdicts, verdict("a test hung")], tree, tests, libraries=[])
    assert [one.noticed for one in kept] == [None, "test_small.py::test_half", "a test hung"]


def test_closer_tests_come_first() -> None:
    block, path = "search/tags/reading.py::best@1", "search/tags/reading.py"
    near = covered("tests/search/tags/test_reading.py::a", "search/tags/reading.py::best@0")
    room = covered("tests/search/tags/test_tagger.py::a", block, seconds=1.0)
    floor = covered("tests/search/test_fusing.py::a", block, seconds=1.0)
    quick, slow = (covered(f"tests/tasks/test_tag.py::{s}", block, seconds=s) for s in (1.0, 2.0))
    other = covered("tests/search/tags/test_reading.py::b", "search/tags/reading.py::worst@0")

    everything = [other, slow, quick, floor, near, room]
    assert closest_first(block, path, everything) == [room, floor, quick, slow, near]
    assert other in closest_first(None, path, everything)


def test_what_is_run_by_importing_a_file_is_asked_of_those_that_import_it() -> None:
    here = Path(__file__).relative_to(PROJECT).as_posix()
    importing, other = covered(f"{here}::a"), covered("tests/search/test_fusing.py::a")
    path = "benchmarks/reliability/breaking.py"
    assert closest_first(None, path, [other, importing]) == [importing]
    assert closest_first(f"{path}::judge@0", path, [other, importing]) == []
    assert {path, "benchmarks/reliability/covering.py"} <= imported(here)
    assert imported("tests/gone.py") == frozenset()


def test_what_importing_runs_is_run_for_every_test_and_the_rest_for_those_that_run_it(
    tree: Path,
) -> None:
    numbers: dict[str, int] = {}
    code = f"{CODE}\nWHOLE = half(8)\n"
    (tree / "small.py").write_text(noting(code, "small.py", numbers))
    with TestRunner(tree, libraries=[]) as runner:
        ran = runner.run(Job(["test_small.py"], None, 60.0, note_blocks=True)).blocks
    half, most = numbers["small.py::half@0"], numbers["small.py::most@0"]
    assert ran == {
        "test_small.py::test_half": [half],
        "test_small.py::test_most": sorted([half, most]),
        "test_small.py::test_nothing": [half],
    }


def test_tests_are_run_in_growing_parcels_up_to_a_limit() -> None:
    tests = [covered(f"test_{number}", seconds=5.0) for number in range(30)]
    assert [len(parcel) for parcel in parcels(tests, 100.0)] == [2, 8, 10]


def test_figures_are_told_by_package() -> None:
    rows = figures([verdict("test"), verdict("hung"), verdict(None), verdict("test")])
    assert [(row.room, row.broken) for row in rows] == [
        ("search", 4),
        ("indexer", 0),
        ("models", 0),
        ("tasks", 0),
    ]
    assert (rows[0].noticed, rows[0].hung, rows[0].lived, rows[0].percent) == (3, 1, 1, 75.0)
