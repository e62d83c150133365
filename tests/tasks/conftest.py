"""A library of the bundled model, indexed once for all commands that work on one."""

from pathlib import Path

import pytest

from tests.calling import call
from tests.corpus import shots, write_clip


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
    library = tmp_path_factory.mktemp("made") / "library"
    assert call("index", shared_clips, "-l", library, "-m", "bundled", "--head", "meanP") == 0
    return library
