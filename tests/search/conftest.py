from collections.abc import Iterator
from pathlib import Path

import pytest

from models.clip.backbone import Backbone
from search.library import Library
from tests.tiny import tiny_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as library:
        yield library
