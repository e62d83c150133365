"""The identity of a content: of all bytes, holes included, and given up when nobody waits."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

import indexer.reading.contents
from indexer.reading.contents import hash_content
from indexer.reading.errors import DecodeFailed, GivenUp

MB = 1 << 20


def plain(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()


@pytest.mark.parametrize("size", [0, 1, MB - 1, MB, MB + 1, 3 * MB + 7])
def test_it_is_blake2b_over_all_bytes(tmp_path, size):
    (tmp_path / "file").write_bytes(os.urandom(size))
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")


@pytest.mark.parametrize(
    ("stretches", "end"),
    [
        ([], 5 * MB),
        ([0], 5 * MB),
        ([3 * MB], 5 * MB + 3),
        ([0, 2 * MB + 4096], 7 * MB),
        ([4096, 5 * MB], 5 * MB + 10),
    ],
)
def test_holes_count_as_the_zeros_that_they_are(tmp_path, stretches, end):
    with (tmp_path / "file").open("wb") as file:
        for start in stretches:
            file.seek(start)
            file.write(os.urandom(10))
        file.truncate(end)
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")


def test_a_file_system_that_knows_no_holes_will_do(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"film" * MB)
    monkeypatch.delattr(indexer.reading.contents.os, "SEEK_DATA")
    monkeypatch.delattr(indexer.reading.contents.os, "SEEK_HOLE")
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")


def test_eight_terabytes_of_nothing_are_given_up_after_a_megabyte(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(b"a film begins")
        file.truncate(8 * 10**12)
    asked = iter([False, False, True])
    with pytest.raises(GivenUp):
        hash_content(tmp_path / "file", given_up=lambda: next(asked))
    assert next(asked, "none") == "none"


def test_a_file_that_cannot_be_read_is_a_failure_with_a_reason(tmp_path):
    with pytest.raises(DecodeFailed, match="it cannot be read"):
        hash_content(tmp_path / "not there")


def seeking(monkeypatch: pytest.MonkeyPatch, whence: int, answer: int | OSError) -> None:
    """One of the two questions about holes is answered so."""
    real = os.lseek

    def lseek(descriptor: int, place: int, how: int) -> int:
        if how != whence:
            return real(descriptor, place, how)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(indexer.reading.contents.os, "lseek", lseek)


@pytest.mark.parametrize("whence", [os.SEEK_DATA, os.SEEK_HOLE])
def test_a_file_system_that_refuses_to_tell_of_holes_will_do(tmp_path, monkeypatch, whence):
    (tmp_path / "file").write_bytes(b"film" * MB)
    seeking(monkeypatch, whence, OSError(errno.EINVAL, "no such question"))
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")


def test_a_file_that_was_cut_while_its_holes_are_looked_for_ends_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"film" * MB)
    seeking(monkeypatch, os.SEEK_HOLE, OSError(errno.ENXIO, "past the end"))
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")


@pytest.mark.parametrize("whence", [os.SEEK_DATA, os.SEEK_HOLE])
def test_a_disk_that_fails_while_holes_are_looked_for_is_told(tmp_path, monkeypatch, whence):
    (tmp_path / "file").write_bytes(b"film")
    seeking(monkeypatch, whence, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(DecodeFailed, match="Input/output error") as failed:
        hash_content(tmp_path / "file")
    assert failed.value.stage == "read"


def test_a_hole_that_closes_where_it_was_looked_for_does_not_hold_it_up(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"films")
    monkeypatch.setattr(
        indexer.reading.contents.os, "lseek", lambda _descriptor, place, _how: place
    )
    assert hash_content(tmp_path / "file") == plain(tmp_path / "file")
