"""The decoding process: what goes wrong in it costs one file and no more."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.reading import worker as worker_module
from indexer.reading import worker_process
from indexer.reading.errors import DecodeFailed, GivenUp
from indexer.reading.probe import VideoInfo
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment, DecodeSummary
from indexer.reading.worker import DecodeWorker
from tests.corpus import shots, write_clip

SETTINGS = IndexSettings()
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodeWorker]:
    with DecodeWorker() as one:
        yield one


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve shots of four seconds: more than a pipe holds."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_clip(path, shots([40] * 12, width=320, height=192), rate=10)


def kinds(worker: DecodeWorker, path: Path) -> list[type]:
    return [type(one) for one in worker.decode(path, short_side=96, settings=SETTINGS)]


def decodes(worker: DecodeWorker, path: Path) -> bool:
    return kinds(worker, path) == [VideoInfo, *[DecodedSegment] * 3, DecodeSummary]


def test_events_come_in_order(worker: DecodeWorker, good_videos: dict[str, Path]) -> None:
    assert decodes(worker, good_videos["plain.mp4"])


def test_a_refused_file_is_a_failure_and_the_process_lives_on(
    worker: DecodeWorker, good_videos: dict[str, Path], refused_files: dict[str, Path]
) -> None:
    assert decodes(worker, good_videos["plain.mp4"])
    before = worker.pid
    for path in refused_files.values():
        with pytest.raises(DecodeFailed):
            list(worker.decode(path, short_side=96, settings=SETTINGS))

    assert decodes(worker, good_videos["vp9.webm"])
    assert worker.pid == before


def test_an_abandoned_video_leaves_the_worker_usable(
    worker: DecodeWorker, good_videos: dict[str, Path], long_clip: Path
) -> None:
    for _ in range(2):
        events = worker.decode(long_clip, short_side=224, settings=SETTINGS)
        assert isinstance(next(events), VideoInfo)
        assert isinstance(next(events), DecodedSegment)

        assert decodes(worker, good_videos["plain.mp4"])


def test_thumbnail(worker: DecodeWorker, good_videos: dict[str, Path]) -> None:
    picture = worker.thumbnail(good_videos["plain.mp4"], 1.0, short_side=96, settings=SETTINGS)

    assert picture.startswith(b"\xff\xd8\xff")


@posix_only
def test_a_crash_is_one_failed_file(
    worker: DecodeWorker, good_videos: dict[str, Path], long_clip: Path
) -> None:
    events = worker.decode(long_clip, short_side=224, settings=SETTINGS)
    next(events)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSEGV)

    with pytest.raises(DecodeFailed) as failed:
        list(events)

    assert failed.value.stage == "crash"
    assert failed.value.reason == "the decoder crashed on it (Segmentation fault)"
    assert decodes(worker, good_videos["plain.mp4"])


@posix_only
def test_a_process_that_died_between_files_is_replaced(
    worker: DecodeWorker, good_videos: dict[str, Path]
) -> None:
    assert decodes(worker, good_videos["plain.mp4"])
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    time.sleep(0.1)

    assert decodes(worker, good_videos["plain.mp4"])


@posix_only
def test_a_hang_is_one_failed_file(
    worker: DecodeWorker, good_videos: dict[str, Path], long_clip: Path
) -> None:
    settings = IndexSettings(decode_timeout_s=2)
    events = worker.decode(long_clip, short_side=224, settings=settings)
    next(events)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)

    with pytest.raises(DecodeFailed) as failed:
        list(events)

    assert failed.value.stage == "timeout"
    assert "no sign of life for 2 seconds" in failed.value.reason
    assert decodes(worker, good_videos["plain.mp4"])


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_a_memory_bomb_is_one_failed_file(
    worker: DecodeWorker, good_videos: dict[str, Path], refused_files: dict[str, Path]
) -> None:
    settings = IndexSettings(max_pixels=200_000_000, decoder_memory_gb=0.5)

    with pytest.raises(DecodeFailed) as failed:
        list(worker.decode(refused_files["huge.mp4"], short_side=96, settings=settings))

    assert "more memory than decoder_memory_gb allows" in failed.value.reason
    assert decodes(worker, good_videos["plain.mp4"])


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_the_least_memory_that_can_be_set_is_enough_for_one_file_after_another(
    worker: DecodeWorker, good_videos: dict[str, Path]
) -> None:
    settings = IndexSettings(decoder_memory_gb=0.5)
    sampling = Sampling(frames=97, rate=3)
    for path in good_videos.values():
        assert worker.thumbnail(path, 0.5, short_side=96, settings=settings)
        worker.clip_frames(
            path, start_s=0, end_s=2, sampling=sampling, short_side=96, settings=settings
        )
        assert list(worker.decode(path, short_side=96, settings=settings))


def test_a_worker_can_be_closed_and_used_again(good_videos: dict[str, Path]) -> None:
    worker = DecodeWorker()
    assert decodes(worker, good_videos["plain.mp4"])
    worker.close()
    assert worker.pid is None
    assert decodes(worker, good_videos["plain.mp4"])
    worker.close()
    worker.close()


@posix_only
def test_the_process_ignores_ctrl_c_and_ends_with_its_parent(
    long_clip: Path, tmp_path: Path
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, time
            from pathlib import Path
            from indexer.reading.settings import IndexSettings
            from indexer.reading.worker import DecodeWorker

            if __name__ == "__main__":
                worker = DecodeWorker()
                events = worker.decode(Path(sys.argv[1]), short_side=224, settings=IndexSettings())
                next(events)
                print(worker.pid, flush=True)
                time.sleep(60)
            """
        )
    )
    with subprocess.Popen(
        [sys.executable, str(script), str(long_clip)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGINT)
        time.sleep(0.3)
        assert is_running(child)

        parent.kill()

    assert ends_soon(child)


@pytest.mark.parametrize("has_parent", [True, False])
def test_a_process_that_sends_nothing_waits_for_its_parents_end_too(
    monkeypatch: pytest.MonkeyPatch, has_parent: bool
) -> None:
    """One that is stuck in a decoder would not notice that nobody reads from its pipe."""
    went: list[object] = []
    parent = SimpleNamespace(sentinel=7) if has_parent else None
    monkeypatch.setattr(worker_process.multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(worker_process, "wait", went.append)
    monkeypatch.setattr(worker_process.os, "_exit", went.append)
    worker_process._end_with_parent()
    assert went == ([[7], 1] if has_parent else [])


@pytest.mark.parametrize("piped", [False, True])
def test_a_script_without_a_guard_is_not_run_again_by_the_process(
    good_videos: dict[str, Path], tmp_path: Path, piped: bool
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            from pathlib import Path
            from indexer.reading.settings import IndexSettings
            from indexer.reading.worker import DecodeWorker

            print("once", flush=True)
            with DecodeWorker() as worker:
                path = Path({str(good_videos["plain.mp4"])!r})
                print(len(list(worker.decode(path, short_side=96, settings=IndexSettings()))))
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-" if piped else script],
        input=script.read_text() if piped else None,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("once\n5\n", "")


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def ends_soon(process: int) -> bool:
    for _ in range(100):
        if not is_running(process):
            return True
        time.sleep(0.1)
    return False


@posix_only
def test_starting_a_process_leaves_the_callers_signals_and_script_as_they_were() -> None:
    script, signals = sys.modules["__main__"], signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with worker_module._interrupts_held_back(), worker_module._script_left_out():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert sys.modules["__main__"] is not script
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == signals
    assert sys.modules["__main__"] is script


def test_decoding_needs_neither_torch_nor_opencv() -> None:
    code = "import sys, indexer.reading.video; print({'torch', 'cv2', 'search'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_a_sign_of_life_is_given_only_after_a_silence(monkeypatch):
    here, there = multiprocessing.Pipe()
    parent = worker_process._Parent(there)
    parent.send_sign_of_life()
    assert not here.poll()
    monkeypatch.setattr(worker_process, "_ALIVE_EVERY_S", 0.0)
    parent.send_sign_of_life()
    assert isinstance(here.recv(), worker_process.Alive)


class Child:
    """A process that does nothing, seen from outside."""

    exitcode = None
    pid = 7

    def __init__(self) -> None:
        self.killed = 0

    def is_alive(self) -> bool:
        return True

    def kill(self) -> None:
        self.killed += 1

    def join(self, _timeout_s: float) -> None:
        pass


def answering(*events: object, given_up: bool = False) -> tuple[DecodeWorker, Child]:
    """A worker whose child has already said all that it will say."""
    worker = DecodeWorker(given_up=lambda: given_up)
    ours, worker._childs_end = multiprocessing.Pipe()  # type: ignore[attr-defined]
    worker._connection, worker._process = ours, Child()
    for event in events:
        worker._childs_end.send(event)  # type: ignore[attr-defined]
    return worker, worker._process


def events_of(worker: DecodeWorker, **settings: float) -> list[object]:
    job = worker_process.ThumbnailJob(Path("a.mp4"), 0.0, 32, IndexSettings(**settings), None)
    return list(worker._run(job, job.settings))


def test_signs_of_life_are_no_events() -> None:
    alive, finished = worker_process.Alive(), worker_process.Finished()
    worker, child = answering(alive, b"one", alive, alive, b"two", finished)
    assert events_of(worker) == [b"one", b"two"]
    assert (worker.pid, child.killed) == (7, 0)


def test_a_child_that_was_left_in_the_middle_is_ended_before_the_next_file(monkeypatch) -> None:
    worker, child = answering(b"one", b"two", worker_process.Finished())
    job = worker_process.ThumbnailJob(Path("a.mp4"), 0.0, 32, SETTINGS, None)
    assert next(worker._run(job, SETTINGS)) == b"one"
    fresh, _ = answering(worker_process.Finished())
    monkeypatch.setattr(worker, "_connected", lambda: fresh._connection)
    assert list(worker._run(job, SETTINGS)) == []
    assert child.killed == 1


def test_a_failure_names_its_stage_and_leaves_the_child_ready() -> None:
    failure, finished = worker_process.Failure("probe", "it is odd"), worker_process.Finished()
    worker, child = answering(failure, b"next", finished)
    with pytest.raises(DecodeFailed, match="it is odd") as failed:
        events_of(worker)
    assert failed.value.stage == "probe"
    assert events_of(worker) == [b"next"]
    assert child.killed == 0


def test_a_silent_child_is_ended_after_the_time_that_is_set() -> None:
    worker, child = answering()
    with pytest.raises(DecodeFailed, match="no sign of life for 1 seconds") as failed:
        events_of(worker, decode_timeout_s=1)
    assert (failed.value.stage, child.killed, worker.pid) == ("timeout", 1, None)


def test_a_child_that_nobody_waits_for_is_ended() -> None:
    worker, child = answering(given_up=True)
    with pytest.raises(GivenUp):
        events_of(worker)
    assert (child.killed, worker.pid) == (1, None)
    # What it has said already is still heard.
    worker, _ = answering(b"one", worker_process.Finished(), given_up=True)
    assert events_of(worker) == [b"one"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-9, "the decoder crashed on it (Killed)"),
        (1, "the decoder crashed on it"),
        (0, "the decoder crashed on it"),
        (None, "the decoder crashed on it"),
    ],
)
def test_a_crash_tells_the_signal(code: int | None, reason: str) -> None:
    worker, child = answering()
    child.exitcode = code
    worker._childs_end.close()  # type: ignore[attr-defined]
    with pytest.raises(DecodeFailed) as failed:
        events_of(worker)
    assert (failed.value.stage, failed.value.reason) == ("crash", reason)


def test_what_is_no_linux_tells_no_size(monkeypatch) -> None:
    def read_text(_path: Path, encoding: str) -> str:
        raise FileNotFoundError

    size = worker_process._size_at_start_bytes.__wrapped__
    assert size() > 10_000_000
    monkeypatch.setattr(Path, "read_text", read_text)
    assert size() == 0


@pytest.mark.parametrize(
    ("error", "stage", "reason"),
    [
        (DecodeFailed("open", "it is empty"), "open", "it is empty"),
        (MemoryError(), "memory", "decoding it needs more memory than decoder_memory_gb allows"),
        (ZeroDivisionError("by 0"), "crash", "the decoder failed on it (ZeroDivisionError: by 0)"),
    ],
    ids=["a bad file", "no memory", "a defect"],
)
def test_whatever_goes_wrong_with_a_job_is_a_failure_of_a_stage(
    monkeypatch, capsys, error, stage, reason
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(worker_process, "_events", fail)
    parent: Any = None
    job: Any = None
    assert worker_process._outcome(parent, job) == worker_process.Failure(stage, reason)
    assert ("Traceback" in capsys.readouterr().err) is (stage == "crash")


def test_a_process_whose_parent_is_gone_gives_up_its_job(monkeypatch) -> None:
    here, there = multiprocessing.Pipe()
    there.close()
    monkeypatch.setattr(
        worker_process, "_events", lambda _parent, _job: iter([worker_process.Alive()])
    )
    job: Any = None
    with pytest.raises(worker_process._ParentGoneError):
        worker_process._outcome(worker_process._Parent(here), job)
    here.close()


def test_a_process_imports_what_it_needs_before_its_memory_is_limited(monkeypatch) -> None:
    did: list[str] = []
    for step in ("_ignore_interrupts", "_end_with_parent", "_use_one_heap"):
        monkeypatch.setattr(worker_process, step, lambda step=step: did.append(step))
    for step in ("_load", "limit_memory", "_outcome"):
        monkeypatch.setattr(worker_process, step, lambda *_, step=step: did.append(step))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    here, there = multiprocessing.Pipe()
    there.send(worker_process.ThumbnailJob(Path("a.mp4"), 0.0, 96, SETTINGS, None))
    there.close()  # it does the job, finds nobody to tell of it, and ends
    worker_process.serve(here)
    here.close()
    assert sorted(did[:3]) == ["_end_with_parent", "_ignore_interrupts", "_use_one_heap"]
    assert did[3:] == ["_load", "limit_memory", "_outcome"]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
