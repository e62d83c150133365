"""What a visitor is told when something fails that nobody foresaw."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ui.web.views import unforeseen

OLD_LIBRARY = Path(__file__).parents[2] / "old_library" / "library"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = Path(shutil.copytree(OLD_LIBRARY, tmp_path / "library"))
    monkeypatch.setenv("KINODEX_LIBRARY", str(place))
    return place


def test_a_damaged_library_is_named_as_the_cause(library):
    with closing(sqlite3.connect(library / "catalog.db")) as connection, connection:
        connection.execute("UPDATE corrections SET said_at = 'yesterday'")
    assert "'kinodex restore' brings a backup back" in str(unforeseen(ValueError("a date")))


@pytest.mark.parametrize("is_there", [True, False])
def test_an_error_of_ours_is_a_sentence_without_its_words(library, is_there):
    if not is_there:
        shutil.rmtree(library)
    said = str(unforeseen(ZeroDivisionError("secret")))
    assert "secret" not in said
    assert "library" in said
