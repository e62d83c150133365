"""Pages to attack, each by the command that users type."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import Served, serving
from tests.security.asking import CHANGE, LOOK


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a library that is not there yet, as `kinodex ui` serves it."""
    with serving(tmp_path_factory.mktemp("guarded") / "library") as running:
        yield running


@pytest.fixture(scope="session")
def shared_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page that listens to everybody, with the tokens and names of a service."""
    environment = {
        "KINODEX_UI_TOKEN": CHANGE,
        "KINODEX_UI_LOOK_TOKEN": LOOK,
        "KINODEX_UI_HOSTS": "videos.example",
    }
    folder: Path = tmp_path_factory.mktemp("shared") / "library"
    folder.mkdir()
    (folder / "library.toml").write_text('[ui]\nallow_changes = "always"\n')
    with serving(folder, "--address", "0.0.0.0", environment=environment) as running:
        yield running
