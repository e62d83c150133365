"""kill -9 while a library is sketched: what was stored is kept, and a second run goes on."""

import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from search.catalog.store import Store
from tasks.sketches.files import ensure_sketch
from tests.corpus import shots, write_clip
from tests.faults.forks import forks_of
from tests.faults.sketching_child import MOMENTS, run
from tests.tiny import index, tiny_backbone


@pytest.fixture(scope="module")
def processes() -> Any:
    return forks_of("tests.faults.sketching_child")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve segments."""
    folder = tmp_path_factory.mktemp("indexed")
    (folder / "videos").mkdir()
    for number in range(4):
        write_clip(folder / "videos" / f"{number}.mp4", shots([20, 22 + number, 25]))
    with Store.open(folder / "library", create=True) as library:
        index(library, folder / "videos", backbone=tiny_backbone())
    return folder / "library"


def rows(library: Path) -> dict[int, tuple]:
    with sqlite3.connect(library / "catalog.db") as connection:
        found = connection.execute(
            "SELECT segment_id, recipe_key, points, opacities, gains, groups, loss_total, drawn_at "
            "FROM sketches"
        )
        return {row[0]: row[1:] for row in found}


def strokes(library: Path) -> dict[int, tuple]:
    """All but the times of drawing."""
    return {number: row[:-1] for number, row in rows(library).items()}


def sketched(processes: Any, library: Path, moment: str | None = None) -> int | None:
    """The exit code of a run in a process of its own."""
    process = processes.Process(target=run, args=(library, moment))
    process.start()
    process.join()
    return process.exitcode


def test_killed_at_any_moment_nothing_is_drawn_twice_and_the_end_is_the_same(
    processes, indexed, tmp_path
):
    library = Path(shutil.copytree(indexed, tmp_path / "library"))
    before: dict[int, tuple] = {}
    for moment in MOMENTS:
        assert sketched(processes, library, moment) == -signal.SIGKILL, moment
        found = rows(library)
        assert {number: found[number] for number in before} == before, moment
        assert sorted(found) == list(range(1, len(found) + 1))
        assert len(found) in (0, 1, 3, 5, 7, 9, 11, 12), "a batch is stored wholly or not at all"
        before = found
    assert len(before) > 3, "some batches were stored before their kill"
    assert sketched(processes, library) == 0
    assert sketched(processes, library) == 0
    after = rows(library)
    assert {number: after[number] for number in before} == before
    undisturbed = Path(shutil.copytree(indexed, tmp_path / "undisturbed"))
    assert sketched(processes, undisturbed) == 0
    assert strokes(library) == strokes(undisturbed)
    assert len(after) == 12
    with Store.open(library) as opened, Store.open(undisturbed) as other:
        for number in after:
            svg = ensure_sketch(opened, number, "svg")
            assert svg.read_bytes() == ensure_sketch(other, number, "svg").read_bytes()
    assert not list(library.rglob("*.tmp"))


def test_two_processes_do_not_sketch_at_once(processes, indexed, tmp_path):
    library = Path(shutil.copytree(indexed, tmp_path / "library"))
    both = [processes.Process(target=run, args=(library,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert 0 in [process.exitcode for process in both]
    assert len(rows(library)) == 12
