"""Generated videos, made once for all tests; see `corpus`."""

import os
from pathlib import Path

import pytest

from tests import corpus

# As the program has it: threads of PyTorch that wait by counting hold up whatever else runs. It is
# read when PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
