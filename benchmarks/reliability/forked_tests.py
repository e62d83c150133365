"""Runs tests in forks of a process that has loaded the libraries and none of the project.

    python -m benchmarks.reliability.forked_tests LIBRARY…

in the folder of a copy of the project. It reads jobs from stdin, JSON a line, and answers each with
a line; `TestRunner` is the other side.
"""

import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from benchmarks.reliability import blocks

LIBRARIES = (
    *("numpy", "torch", "torch.nn.functional", "torchvision", "open_clip", "faiss", "cv2", "av"),
    *("decord", "PIL.Image", "sqlalchemy", "sqlalchemy.orm", "alembic.command"),
    *("alembic.autogenerate", "pydantic", "pydantic_settings", "safetensors.torch", "filelock"),
    *("platformdirs", "rich.progress", "typer", "typer.testing", "streamlit"),
    *("streamlit.testing.v1", "opentimelineio", "matplotlib.pyplot", "multiprocessing.forkserver"),
)


@dataclass(frozen=True)
class Job:
    """Tests to run, in this order; `files` as a whole where `tests` is None.

    to_first_failure: those after a test that failed are not run
    """

    files: list[str]
    tests: list[str] | None
    limit_s: float
    to_first_failure: bool = False
    note_blocks: bool = False


@dataclass
class Outcome:
    """How a job ended.

    failed: the first test that failed, or what went wrong before one ran
    seconds: how long each test took, with the fixtures that it was the first to ask for
    blocks: the blocks that each test ran
    """

    timed_out: bool = False
    failed: str | None = None
    passed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    blocks: dict[str, list[int]] = field(default_factory=dict)


class TestRunner:
    """The process that forks, in the folder of a copy of the project. Close it after use."""

    __test__ = False

    def __init__(self, tree: Path, libraries: Sequence[str] = LIBRARIES) -> None:
        environment = os.environ | {"PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "PASSIVE"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *libraries],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()

    def run(self, job: Job) -> Outcome:
        """Run a job and wait for its end."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(asdict(job)), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


class _Watching:
    """What pytest tells of a run, and the order in which it runs."""

    def __init__(self, job: Job) -> None:
        self.outcome = Outcome()
        self._job = job
        self._of_fixtures: dict[str, set[int]] = {}
        self._by_importing: set[int] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._job.tests is not None:
            by_name = {item.nodeid: item for item in items}
            items[:] = [by_name[test] for test in self._job.tests if test in by_name]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcome.failed = self.outcome.failed or f"collecting {report.nodeid}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seconds = self.outcome.seconds
        seconds[report.nodeid] = seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.outcome.failed = self.outcome.failed or report.nodeid
        elif report.when == "call" and report.passed:
            self.outcome.passed.append(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        """What a shared fixture runs is run for all tests that ask for it."""
        if not self._job.note_blocks or fixturedef.scope == "function":
            return (yield)
        before = blocks.take_notes()
        try:
            return (yield)
        finally:
            self._of_fixtures[fixturedef.argname] = during = blocks.take_notes()
            for block in before | during:
                blocks.note(block)

    def pytest_collection_finish(self) -> None:
        """What importing them runs is run for all tests."""
        if self._job.note_blocks:
            self._by_importing = blocks.take_notes()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if not self._job.note_blocks:
            return (yield)
        blocks.take_notes()
        try:
            return (yield)
        finally:
            met = blocks.take_notes() | self._by_importing
            for name in getattr(item, "fixturenames", ()):
                met |= self._of_fixtures.get(name, set())
            self.outcome.blocks[item.nodeid] = sorted(met)


def _run_here(job: Job, folder: Path) -> None:
    """Run a job in this process, a fork, and write its outcome into `folder`."""
    os.setpgid(0, 0)
    _speak_into(folder / "log")
    if job.note_blocks:
        (folder / "notes").mkdir()
        os.environ[blocks.NOTES] = str(folder / "notes")
        blocks.keep_notes_here()
    watching = _Watching(job)
    options = ["-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}", "-q"]
    if job.to_first_failure:
        options.append("-x")
    code = pytest.main([*options, *job.files], plugins=[watching])
    if code not in (0, 5):
        watching.outcome.failed = watching.outcome.failed or f"pytest ended with {code}"
    (folder / "outcome").write_text(json.dumps(asdict(watching.outcome)))


def _speak_into(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_CREAT | os.O_WRONLY)
    for number, standard in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(number, standard)


def _run_forked(job: Job) -> Outcome:
    folder = Path(f"../forks-{os.getpid()}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if not (child := os.fork()):
        with contextlib.suppress(BaseException):
            _run_here(job, folder)
        os._exit(0)
    ended = _wait(child, job.limit_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
        return Outcome(timed_out=True)
    if not (folder / "outcome").exists():
        return Outcome(failed="the process died")
    return Outcome(**json.loads((folder / "outcome").read_text()))


def _wait(child: int, limit_s: float) -> bool:
    """Whether a process has ended within a time."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return True
        time.sleep(0.02)
    return False


def _serve() -> None:
    for library in sys.argv[1:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    gc.freeze()
    answers: Any = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(asdict(_run_forked(Job(**json.loads(line))))), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
