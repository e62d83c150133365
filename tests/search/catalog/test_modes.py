"""Whom a library is open to: its owner, and the group of its folder where the settings say so."""

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer.keyframes import write_keyframe
from indexer.library_settings import write_settings_template
from models.files import make_folder, replaced_whole
from search.catalog.lock import INDEXING, only_indexer
from search.catalog.progress import ProgressNotes
from search.catalog.store import Store, make_library_folder
from search.catalog.tables import VideoPath
from search.finding.matching import _keep
from search.vectors import storage
from search.vectors.faiss_index import FaissIndex

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(params=[0o022, 0o000, 0o077])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the user's shell says that new files shall not be open to."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def filled(place: Path) -> Store:
    """A library with a file of each kind in it, open."""
    library = Store.open(place, create=True)
    with only_indexer(place), library.writing() as session:
        session.add(VideoPath(path=Path("/v/a.mp4"), size_bytes=1, mtime_ns=1))
    write_keyframe(library.keyframe_file(4711), b"a picture")
    storage.save(FaissIndex(4), library.vectors_folder / "space", space="s", revision=1)
    write_settings_template(library)
    _keep(library.vectors_folder / "space" / "neutral.npy", np.zeros((2, 4)))
    ProgressNotes(place, INDEXING).write(0.5, 1, 2, "files")
    return library


def modes(place: Path) -> tuple[set[str], set[str]]:
    """The modes of all folders and of all files of a library."""
    every = [place, *place.rglob("*")]
    folders = {oct(stat.S_IMODE(one.stat().st_mode)) for one in every if one.is_dir()}
    return folders, {oct(stat.S_IMODE(one.stat().st_mode)) for one in every if one.is_file()}


def test_a_new_library_is_its_owners_alone(tmp_path, mask):
    with filled(tmp_path / "library"):
        assert {file.name for file in (tmp_path / "library").glob("catalog.db*")} == {
            "catalog.db",
            "catalog.db-wal",
            "catalog.db-shm",
        }
        assert modes(tmp_path / "library") == ({"0o700"}, {"0o600"})


def test_a_new_library_is_never_open_to_others_for_a_moment(tmp_path, monkeypatch):
    before = os.umask(0)
    try:
        monkeypatch.setattr(Path, "chmod", lambda _self, _mode: None)
        make_library_folder(tmp_path / "library")
    finally:
        os.umask(before)
    assert modes(tmp_path / "library") == ({"0o700"}, {"0o600"})


@pytest.mark.parametrize(
    ("group", "folders", "files"), [("read", "0o2750", "0o640"), ("write", "0o2770", "0o660")]
)
def test_the_settings_open_it_to_the_group_of_its_folder(tmp_path, mask, group, folders, files):
    place = tmp_path / "library"
    place.mkdir()
    (place / "library.toml").write_text(f'[library]\ngroup = "{group}"\n')
    with filled(place):
        (place / "library.toml").unlink()  # it was there before
        found_folders, found_files = modes(place)
        assert found_folders == {folders}
        assert found_files <= {files, "0o640"}
        assert all(int(mode, 8) & 0o007 == 0 for mode in found_files)


def test_an_empty_folder_becomes_the_owners_and_one_with_something_in_it_stays_as_it_is(tmp_path):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    (tmp_path / "full" / "a film.mp4").write_bytes(b"")
    for name in ("empty", "full"):
        Store.open(tmp_path / name, create=True).close()
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "full").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "full" / "catalog.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "full" / "media").stat().st_mode) == 0o700


def test_a_library_that_is_open_to_others_stays_so_until_somebody_asks(tmp_path):
    place = tmp_path / "library"
    Store.open(place, create=True).close()
    place.chmod(0o755)
    (place / "catalog.db").chmod(0o644)
    Store.open(place, create=True).close()
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert stat.S_IMODE((place / "catalog.db").stat().st_mode) == 0o644


def test_files_for_others_are_as_the_users_mask_says(tmp_path, mask):
    (tmp_path / "shut").mkdir(mode=0o700)
    with replaced_whole(tmp_path / "shut" / "clip.mp4") as draft:
        draft.write_bytes(b"")
    mode = (tmp_path / "shut" / "clip.mp4").stat().st_mode
    assert stat.S_IMODE(mode) == 0o666 & ~mask


def test_the_mask_of_the_process_is_never_changed(tmp_path, monkeypatch):
    """It belongs to all threads: another one's files would be made with it."""

    def refuse(_mask: int) -> int:
        raise AssertionError

    monkeypatch.setattr(os, "umask", refuse)
    filled(tmp_path / "library").close()


def test_folders_are_made_by_several_threads_at_once(tmp_path):
    errors: list[BaseException] = []

    def make() -> None:
        try:
            for number in range(50):
                make_folder(tmp_path / str(number) / "a" / "b")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
