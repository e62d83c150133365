"""Six of the demo's clips and a broken file, indexed once by the bundled model."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import kinodex

CLIPS = Path(__file__).parents[1] / "old_library" / "videos"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with "videos" and "library", to copy and not to change."""
    folder = tmp_path_factory.mktemp("face")
    shutil.copytree(CLIPS, folder / "videos")
    with kinodex.open(folder / "library", create=True) as library:
        library.index(folder / "videos", model="bundled", device="cpu")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of the library, whose videos lie where they lay."""
    return Path(shutil.copytree(made / "library", tmp_path / "library"))


@pytest.fixture
def library(place: Path) -> Iterator[kinodex.Library]:
    with kinodex.open(place) as library:
        yield library
