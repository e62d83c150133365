"""The work that a page asks for, done by real child processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.catalog.lock import INDEXING, only_indexer
from search.catalog.progress import ProgressNotes, read_progress, running_works
from search.catalog.store import Store
from search.catalog.summary import failures, summarise
from tests import corpus
from ui.web.jobs.queue import EndedJob, Jobs, TooMuchWork, jobs_of
from ui.web.jobs.request import JobKind, JobRequest

_WITHIN_S = 120  # the machine may be busy; nothing is measured


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def outcome(jobs: Jobs) -> EndedJob:
    """Wait until all work has ended; → how the last ended."""
    until(lambda: jobs.now().running is None)
    last = jobs.now().last
    assert last is not None
    return last


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def index(library: Path, *paths: Path) -> JobRequest:
    return JobRequest(JobKind.INDEX, library, paths, name="bundled")


def count(library: Path) -> tuple[int, int]:
    with Store.open(library) as opened:
        summary = summarise(opened)
    return summary.indexed, summary.failed


def test_a_request_survives_the_way_to_its_process() -> None:
    odd = (Path("-x.mp4"), Path(os.fsdecode(b"not-\xff-utf8.mp4")), Path("new\nline"))
    request = JobRequest(JobKind.RETRY, Path("/l"), odd, name="n", redo=True)

    assert "\n" not in request.as_json()
    assert JobRequest.from_json(request.as_json()) == request


def test_indexing_makes_the_library_and_says_what_it_did(library: Path, shared_clips: Path) -> None:
    jobs = Jobs(library)
    jobs.ask(index(library, shared_clips))
    running = jobs.now().running
    assert running is not None
    assert running.request.paths == (shared_clips,)

    done = outcome(jobs)

    assert done.code == 0
    assert "2 videos indexed" in done.lines[-1]
    assert count(library) == (2, 0)


def test_one_piece_of_work_after_another_and_equal_wishes_once(
    library: Path, shared_clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "more.mp4").write_bytes((shared_clips / "a.mp4").read_bytes())
    jobs = Jobs(library)
    jobs.ask(index(library, shared_clips / "a.mp4"))
    jobs.ask(index(library, tmp_path / "more.mp4"))
    jobs.ask(index(library, tmp_path / "more.mp4"))
    assert len(jobs.now().waiting) == 1

    done = outcome(jobs)

    assert done.number == 2
    assert "1 already known under another name" in done.lines[-1]


def test_too_much_work_is_refused(library: Path, tmp_path: Path) -> None:
    jobs = Jobs(library)
    library.mkdir()
    with only_indexer(library):  # so that nothing begins
        for number in range(21):
            jobs.ask(index(library, tmp_path / str(number)))
        with pytest.raises(TooMuchWork):
            jobs.ask(index(library, tmp_path / "one-more"))
        jobs.stop()
        outcome(jobs)


def test_a_mistake_ends_in_one_sentence(library: Path, tmp_path: Path) -> None:
    jobs = Jobs(library)
    jobs.ask(index(library, tmp_path / "new\nline"))

    done = outcome(jobs)

    assert done.code == 1
    assert done.lines == (f"there is no file or folder '{tmp_path}/new\\nline'",)
    assert not library.exists()


def test_one_failed_file_is_tried_again_and_the_other_is_left(
    library: Path, shared_clips: Path, tmp_path: Path
) -> None:
    good = (shared_clips / "a.mp4").read_bytes()
    one, other = tmp_path / "videos" / "one.mp4", tmp_path / "videos" / "other.mp4"
    one.parent.mkdir()
    for file in (one, other):
        file.write_bytes(b"no video")
    jobs = Jobs(library)
    jobs.ask(index(library, one.parent))
    assert outcome(jobs).code == 3
    assert count(library) == (0, 2)

    jobs.ask(JobRequest(JobKind.RETRY, library, (other,)))
    assert outcome(jobs).code == 3
    with Store.open(library) as opened:
        assert [file.attempts for file in failures(opened)] == [1, 2]
    one.write_bytes(good)
    other.write_bytes(good)
    jobs.ask(JobRequest(JobKind.RETRY, library))

    assert outcome(jobs).code == 0
    assert count(library) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (JobKind.FUSE, "seqTransf", "segments fused with seqTransf"),
        (JobKind.TAG, "small-world", "tags of small-world"),
        (JobKind.REINDEX, "", "2 unchanged"),
    ],
)
def test_a_whole_library_is_made_anew(
    shared_library: Path, tmp_path: Path, kind: JobKind, name: str, said: str
) -> None:
    import shutil

    library = shutil.copytree(shared_library, tmp_path / "copy")
    jobs = Jobs(library)
    jobs.ask(JobRequest(kind, library, name=name))

    done = outcome(jobs)

    assert done.code == 0
    assert said in done.lines[-1]


def long_video(folder: Path) -> Path:
    """Many videos of many shots, each another: equal ones are indexed in no time, all at once."""
    folder.mkdir()
    for number in range(24):
        corpus.write_clip(folder / f"{number}.mp4", corpus.shots([30] * 5 + [20 + number]))
    return folder


def test_stopped_work_keeps_what_is_finished_and_goes_on_when_asked_again(
    library: Path, tmp_path: Path
) -> None:
    videos = long_video(tmp_path / "videos")
    jobs = Jobs(library)
    jobs.ask(index(library, videos))
    until(lambda: (library / "catalog.db").exists() and count(library)[0])
    jobs.ask(JobRequest(JobKind.TAG, library))

    jobs.stop()
    stopped = outcome(jobs)

    assert stopped.code == 130
    assert jobs.now().waiting == ()
    indexed, _ = count(library)
    assert 1 <= indexed < 24
    assert running_works(library) == []
    jobs.ask(index(library, videos))
    assert outcome(jobs).code == 0
    assert count(library) == (24, 0)


def test_work_ends_when_the_server_is_killed(library: Path, tmp_path: Path) -> None:
    videos = long_video(tmp_path / "videos")
    program = (
        "import sys, time; from pathlib import Path; from ui.web.jobs.queue import Jobs\n"
        "from ui.web.jobs.request import JobRequest\n"
        "request = JobRequest.from_json(sys.argv[1])\n"
        "Jobs(request.library).ask(request); time.sleep(600)"
    )
    request = index(library, videos).as_json()
    server = subprocess.Popen([sys.executable, "-c", program, request])
    until(lambda: read_progress(library, INDEXING))
    server.send_signal(signal.SIGKILL)
    server.wait()

    until(lambda: not running_works(library))

    indexed, failed = count(library)
    assert indexed < 24
    assert failed == 0


def test_work_of_another_program_is_waited_for(library: Path, shared_clips: Path) -> None:
    library.mkdir()
    jobs = Jobs(library)
    with only_indexer(library):
        jobs.ask(index(library, shared_clips / "a.mp4"))
        time.sleep(1)
        running = jobs.now().running
        assert running is not None
        assert not running.started

    assert outcome(jobs).code == 0


def test_work_that_waits_can_be_stopped(library: Path, shared_clips: Path) -> None:
    library.mkdir()
    jobs = Jobs(library)
    with only_indexer(library):
        jobs.ask(index(library, shared_clips))
        jobs.stop()
        assert outcome(jobs).code == 130

    assert not (library / "catalog.db").exists()


def test_all_who_ask_get_the_same_jobs(library: Path) -> None:
    assert jobs_of(library) is jobs_of(Path(str(library)))


def test_progress_can_be_read_until_the_work_is_over(tmp_path: Path) -> None:
    notes = ProgressNotes(tmp_path, "tagging")
    notes.write(0.25, 3, 12, "segments")

    progress = read_progress(tmp_path, INDEXING)

    assert progress is not None
    assert (progress.work, progress.fraction, progress.done) == ("tagging", 0.25, 3)
    assert progress.process == os.getpid()
    notes.clear()
    assert read_progress(tmp_path, INDEXING) is None


def test_what_a_killed_run_noted_counts_for_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "indexing.progress").write_text(
        '{"work": "indexing", "fraction": 0.5, "done": 1, "total": 2, "noun": "files", '
        f'"seconds": 3.0, "process": {ended.pid}}}'
    )

    assert read_progress(tmp_path, INDEXING) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"work": 1}', "\xff"])
def test_a_damaged_note_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "indexing.progress").write_bytes(text.encode("latin-1"))

    assert read_progress(tmp_path, INDEXING) is None
