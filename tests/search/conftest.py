import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.clip.backbone import Backbone
from search.library import Library
from tests.tiny import tiny_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture(scope="module")
def whole_library(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Path:
    """The folder of a library with a row of every kind, see `fill`. To copy and not to change."""
    from tests.search.whole_library import fill

    folder = tmp_path_factory.mktemp("whole") / "library"
    with Library.open(folder, create=True) as library:
        fill(library, backbone)
    return folder


@pytest.fixture
def indexed_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors are indexed as those of a large library are: by FAISS, in a file."""
    monkeypatch.setattr("search.vectors.segment_index._SMALL", -1)


@pytest.fixture
def damageable(whole_library: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it."""
    shutil.copytree(whole_library, tmp_path / "library")
    with Library.open(tmp_path / "library") as library:
        yield library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as library:
        yield library
