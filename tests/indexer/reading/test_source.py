"""What a demuxer is told of a disk that fails, and of places that cannot be."""

import errno
import io
import os
from pathlib import Path

import pytest

from indexer.reading import demuxing
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.source import Source
from indexer.reading.video import DecodeEvent, decode_video

SETTINGS = IndexSettings()
KINDS = ("plain.mp4", "plain.mkv", "plain.ts", "mpeg4.avi", "plain.mpg", "animated.gif")


class BadDisk(io.FileIO):
    """A file of which one read fails, counted from 1."""

    def __init__(self, path: Path, bad_read: int) -> None:
        super().__init__(path)
        self.reads, self._bad_read = 0, bad_read

    def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        if self.reads == self._bad_read:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


def test_a_place_that_cannot_be_is_a_number_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    source = Source(path.open("rb"))
    assert source.seek(-5) == -errno.EINVAL
    assert source.seek(2**70) == -errno.EINVAL
    source.check()
    assert source.seek(1) == 1
    assert (source.read(9), source.tell()) == (b"bc", 3)


def test_a_disk_that_fails_is_told_once_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    source = Source(BadDisk(path, 1))
    with pytest.raises(DecodeFailed, match="it cannot be read"):
        source.read(3)
    assert source.read(3) == b""
    with pytest.raises(DecodeFailed) as failed:
        source.check()
    assert failed.value.stage == "read"


@pytest.mark.parametrize("name", KINDS)
def test_a_bad_read_is_never_the_end_of_a_video(
    good_videos: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    reads = []

    def opened(path: Path, bad_read: int) -> BadDisk:
        reads.append(BadDisk(path, bad_read))
        return reads[-1]

    def summary(bad_read: int) -> DecodeEvent:
        monkeypatch.setattr(demuxing, "open_regular", lambda path: opened(path, bad_read))
        *_, last = decode_video(good_videos[name], short_side=32, settings=SETTINGS)
        return last

    whole = summary(-1)
    count = max(disk.reads for disk in reads)
    refused = 0
    for bad_read in range(1, count + 1):
        try:
            assert summary(bad_read) == whole  # a demuxer asked once more, and needed no more
        except DecodeFailed as failed:
            assert "it cannot be read (Input/output error)" in failed.reason
            refused += 1
    assert refused >= count / 2


class Odd(io.BytesIO):
    """A file that fails in one way when it is sought in."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"abc")
        self._error = error

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise self._error


@pytest.mark.parametrize(
    ("error", "number", "is_told"),
    [
        (OSError(errno.EIO, "Input/output error"), errno.EIO, True),
        (OSError(errno.EINVAL, "Invalid argument"), errno.EINVAL, False),
        (ValueError("negative seek value"), errno.EINVAL, False),
        (OverflowError("too large"), errno.EINVAL, False),
    ],
)
def test_only_a_disk_that_fails_is_told_of_a_place(error, number, is_told) -> None:
    source = Source(Odd(error))
    assert source.seek(7) == -number
    if is_told:
        assert source.read(3) == b""
        with pytest.raises(DecodeFailed, match=r"it cannot be read \(Input/output error\)"):
            source.check()
    else:
        source.check()
        assert source.read(3) == b"abc"
