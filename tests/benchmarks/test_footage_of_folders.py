"""Real footage as a library: what comes into it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.real_pictures import footage
from benchmarks.real_pictures.sketching import hand_drawn
from search.library import Library
from tasks.demo.photographs import photographs


@pytest.fixture
def indexed_files(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The names of the files in each folder that is indexed; films are empty files here."""
    told: list[set[str]] = []

    def run_index(folder: Path, paths: list[Path], *_: object, **__: object) -> None:
        told.append({path.name for path in paths[0].iterdir()})
        Library.open(folder, create=True).close()

    monkeypatch.setattr(footage, "film", lambda _picture, file: file.touch())
    monkeypatch.setattr(footage, "run_index", run_index)
    return told


def folder_of(place: Path) -> Path:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(place / "camel.png")
    for name in ("bears.mp4", "untitled.avi", "ORIGIN.md"):
        (place / name).touch()
    return place


@pytest.mark.parametrize("with_photographs", [True, False])
def test_videos_films_of_pictures_and_photographs_are_indexed(
    tmp_path, indexed_files, with_photographs
):
    with footage.indexed(
        [folder_of(tmp_path)], model="bundled", with_photographs=with_photographs
    ) as library:
        assert library.folder.is_dir()
    assert not library.folder.exists()
    own = {"camel.mp4", "bears.mp4", "untitled.avi"}
    carried = {f"{name}.mp4" for name in photographs()}
    assert indexed_files == [own | carried if with_photographs else own]


def test_all_that_has_a_box_is_a_photograph_or_footage_by_its_name():
    footage_names = hand_drawn().keys() - photographs().keys()
    assert footage_names == {
        *("6fps-overlay", "arm-wrestling", "bears", "pool-1s", "two-people-1080p", "untitled"),
        *("camel", "flamingo"),
    }
