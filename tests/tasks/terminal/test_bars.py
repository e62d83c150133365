"""The progress bar of long work, on a real terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FillReport
from indexer.discover import Discovery, FoundFile, Refused, Root
from indexer.registration import PathToIndex, Scan
from search.catalog.lock import only_indexer, only_sketcher
from search.catalog.progress import read_progress
from search.catalog.store import Store
from tasks.terminal import bars
from tasks.terminal.bars import IndexingBar, WorkBar, say_left_out

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


def scan(*jobs: PathToIndex) -> Scan:
    """A scan that has found this work, and nothing else to tell of."""
    return Scan(jobs, unchanged=0, failed_before=0, newly_failed=0, newly_missing=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the work, which stands still."""
    now = [100.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    return now


def test_a_bar_tells_how_much_is_done_and_how_many_a_second(clock):
    with WorkBar("fusing") as bar:
        [task] = bar._progress.tasks
        assert (task.visible, task.total) == (False, 1)
        told = []
        for second, done, total in ((0, 0, 40), (2, 7, 40), (2, 20, 40), (4, 40, 40), (4, 0, 0)):
            clock[0] = 100.0 + second
            bar.show(done, total)
            told.append((task.completed, task.total, task.fields["rate"], task.visible))
    assert told == [
        (0, 40, "0.00", True),
        (7, 40, "3.50", True),
        (20, 40, "10", True),
        (40, 40, "10", False),
        (0, 0, "0.00", False),
    ]


def test_the_very_first_pieces_are_not_taken_for_a_speed(clock):
    with WorkBar("fusing") as bar:
        bar.show(1, 4)
        assert bar._progress.tasks[0].fields["rate"] == "10"
        clock[0] += 0.2
        bar.show(1, 4)
        assert bar._progress.tasks[0].fields["rate"] == "5.00"


def test_the_page_is_told_too_until_the_work_ends(tmp_path):
    library = Store.open(tmp_path, create=True)
    with only_sketcher(tmp_path), WorkBar("sketching", library=tmp_path) as bar:
        bar.show(1.5, 4)
        noted = read_progress(tmp_path, "sketching")
        assert (noted.fraction, noted.done, noted.total) == (0.375, 1, 4)
        assert (noted.work, noted.noun) == ("sketching", "segments")
    with only_sketcher(tmp_path):
        assert read_progress(tmp_path, "sketching") is None
    library.close()


def test_ten_reasons_are_told_and_how_many_more_there_are(capsys):
    def told(count: int, **how: str) -> list[str]:
        failed = {ClipWindow(Path(f"/v/{at}.mp4")): f"reason {at}" for at in range(count)}
        say_left_out(FillReport(0, 0, failed), **how)
        return capsys.readouterr().err.splitlines()

    assert told(0) == []
    assert told(1) == ["1 video left out, with all captions:", "  /v/0.mp4: reason 0"]
    assert len(told(10)) == 11
    eleven = told(11, what="clip", treated="left out")
    assert eleven[0] == "11 clips left out:"
    assert eleven[10:] == ["  /v/9.mp4: reason 9", "  and 1 more"]


def found(name: str) -> FoundFile:
    return FoundFile(Path(f"/v/{name}"), 10, 0)


def discovery(**found_besides: object) -> Discovery:
    nothing: dict[str, object] = {
        "files": (), "refused": (), "missing": (), "roots": (), "skipped_hidden": 0,
        "unreadable": (), "links_outside": (),
    }  # fmt: skip
    return Discovery(**(nothing | found_besides))  # type: ignore[arg-type]


def job(number: int, size_bytes: int) -> PathToIndex:
    return PathToIndex(number, Path(f"/v/{number}.mp4"), size_bytes, 0)


def test_what_is_left_aside_is_told_once_and_what_failed_each_time(tmp_path, capsys):
    remarks: set[str] = set()
    (tmp_path / "empty").mkdir()
    seen = discovery(
        skipped_hidden=2,
        unreadable=(Path("/v/a"),),
        links_outside=(Path("/v/b"), Path("/v/c"), Path("/v/d")),
        texts=4,
        refused=(Refused(found("x\x1b.mp4"), "it is odd"),),
        shut=(Refused(found("y.mp4"), "it is shut"),),
        roots=(
            Root(tmp_path / "gone", was_seen=False),
            Root(tmp_path / "empty", was_seen=False),
            Root(tmp_path, was_seen=True),
        ),
    )
    again = [
        "failed: /v/x\\x1b.mp4: it is odd",
        "failed: /v/y.mp4: it is shut",
        f"{tmp_path / 'gone'} is not there: nothing was taken out of the library for it",
        f"{tmp_path / 'empty'} is empty: nothing was taken out of the library for it",
    ]
    with IndexingBar(tmp_path, remarks) as bar:
        bar.on_scan(seen, scan())
        assert capsys.readouterr().err.splitlines() == [
            "left aside: 2 hidden, 1 not readable, 3 links that lead out of the folder, 4 named "
            "like videos, but text (TypeScript?)",
            *again,
        ]
        bar.on_scan(seen, scan())
        assert capsys.readouterr().err.splitlines() == again
        bar.on_scan(discovery(), scan())
        bar.on_scan(discovery(texts=1), scan())
        assert capsys.readouterr().err.splitlines() == [
            "left aside: 1 named like videos, but text (TypeScript?)"
        ]


def test_indexing_is_told_by_files_frames_and_the_size_of_what_is_done(tmp_path, clock, capsys):
    small, large = job(1, 100), job(2, 300)
    with IndexingBar(tmp_path, set()) as bar:
        [task] = bar._progress.tasks
        assert task.visible is False

        def told() -> tuple[object, ...]:
            shown = task.fields
            return task.completed, shown["files"], shown["all_files"], shown["rate"], task.visible

        bar.on_scan(discovery(), scan())
        assert told() == (0, 0, 0, 0, False)
        clock[0] = 200.0
        bar.on_scan(discovery(), scan(small, large))
        assert told() == (0, 0, 2, 0, True)
        clock[0] = 204.0
        bar.on_frames(large, 8, 0.5)
        assert told() == (150 / 400, 0, 2, 2.0, True)
        bar.on_frames(large, 4, 0.75)
        assert told() == (225 / 400, 0, 2, 3.0, True)
        bar.on_done(large)
        assert told() == (300 / 400, 1, 2, 3.0, True)
        assert capsys.readouterr().err == ""
        bar.on_failed(small, "it is odd")
        assert told() == (1.0, 2, 2, 3.0, True)
        assert capsys.readouterr().err.splitlines() == ["failed: /v/1.mp4: it is odd"]


def test_the_page_hears_of_indexing_until_it_ends(tmp_path):
    library = Store.open(tmp_path, create=True)
    with only_indexer(tmp_path):
        with IndexingBar(tmp_path, set()) as bar:
            bar.on_scan(discovery(), scan(job(1, 100)))
            noted = read_progress(tmp_path, "indexing")
            assert (noted.work, noted.done, noted.total, noted.noun) == ("indexing", 0, 1, "files")
        assert read_progress(tmp_path, "indexing") is None
    library.close()
