"""Generated videos, and a library of the bundled model, made once for all tests; see `corpus`."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import corpus, programs
from tests.corpus import shots, write_clip

pytest_plugins = ["tests.browser.pages"]

# As the program has it: threads of PyTorch that wait by counting hold up whatever else runs. It is
# read when PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Models are compiled once for all tests and the programs that they start, and for nobody else.
_MODELS = tempfile.mkdtemp(prefix="kinodex-models-")
os.environ["KINODEX_MODEL_CACHE"] = _MODELS
atexit.register(shutil.rmtree, _MODELS, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, in one line, which programs would have let more tests run."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if line := programs.summary(reasons):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def good_videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same three shots in many containers, codecs and timings, by file name."""
    return corpus.good_videos(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def odd_videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Unusual and damaged videos that can be indexed at least in part, by file name."""
    return corpus.odd_videos(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="session")
def refused_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that must not be indexed, by file name."""
    return corpus.refused_files(tmp_path_factory.mktemp("refused"))


@pytest.fixture(scope="session")
def shared_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of three segments, one with an odd name. To look at and not to change."""
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "a.mp4", shots([30, 30]))
    write_clip(folder / "new\nline \x1b[31m.mp4", shots([40]))
    return folder


@pytest.fixture(scope="session")
def shared_library(shared_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of these clips, to copy and not to change."""
    from tests.calling import call

    library = tmp_path_factory.mktemp("made") / "library"
    assert call("index", shared_clips, "-l", library, "-m", "bundled", "--head", "meanP") == 0
    return library
