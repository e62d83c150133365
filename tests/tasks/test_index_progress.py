"""How far an indexing run is, by the bytes of the files it has done."""

from pathlib import Path
from typing import Any

from indexer.registration import PathToIndex, Scan
from search.catalog.progress import Progress
from tasks.index_progress import NotedIndexing


def told(library: Path, *sizes: int) -> list[tuple[float, int, int]]:
    """What is told of a run over files of these sizes, each done at once."""
    heard: list[Progress] = []
    jobs = [
        PathToIndex(number, Path(f"/v/{number}.mp4"), size, 1) for number, size in enumerate(sizes)
    ]
    discovery: Any = None  # it says nothing of progress
    scan = Scan(tuple(jobs), unchanged=0, failed_before=0, newly_failed=0, newly_missing=0)
    with NotedIndexing(library, heard.append) as run:
        run.on_scan(discovery, scan)
        for job in jobs:
            run.on_done(job)
    return [(one.fraction, one.done, one.total) for one in heard]


def test_a_large_file_weighs_more_than_a_small_one(tmp_path: Path) -> None:
    assert told(tmp_path, 100, 300) == [(0.0, 0, 2), (0.25, 1, 2), (1.0, 2, 2)]


def test_a_single_byte_is_all_of_it_and_of_nothing_nothing_is_done(tmp_path: Path) -> None:
    assert told(tmp_path, 1) == [(0.0, 0, 1), (1.0, 1, 1)]
    assert told(tmp_path) == [(0.0, 0, 0)]
    assert told(tmp_path, 0) == [(0.0, 0, 1), (0.0, 1, 1)]
