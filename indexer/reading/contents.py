"""The identity of a file's content, told from all of its bytes."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from indexer.reading.errors import DecodeFailed, GivenUp

_CHUNK_BYTES = 1 << 20
_ZEROS = bytes(_CHUNK_BYTES)


def hash_content(path: Path, *, given_up: Callable[[], bool] = lambda: False) -> str:
    """BLAKE2b over all of a file, 40 hexadecimal digits. Holes are not read, and count as zeros.

    given_up: asked after each piece of a megabyte

    Raises:
        DecodeFailed: the file cannot be read.
        GivenUp: as asked for.
    """
    digest = hashlib.blake2b(digest_size=20)
    try:
        with path.open("rb") as file:
            for piece in _pieces(file):
                digest.update(piece)
                if given_up():
                    raise GivenUp
    except OSError as error:
        raise DecodeFailed("read", f"it cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The content in pieces of a megabyte at most."""
    for start, end, is_hole in _stretches(file):
        if is_hole:
            for at in range(start, end, _CHUNK_BYTES):
                yield _ZEROS[: end - at]
            continue
        file.seek(start)
        at = start
        while at < end and (piece := file.read(min(_CHUNK_BYTES, end - at))):
            yield piece
            at += len(piece)


def _stretches(file: BinaryIO) -> Iterator[tuple[int, int, bool]]:
    """Where data and holes begin and end, in order, and which of the two it is."""
    at, size_bytes = 0, os.fstat(file.fileno()).st_size
    while at < size_bytes:
        data = _next_data(file, at, size_bytes)
        if data > at:
            yield at, data, True
        if data < size_bytes:
            end = _next_hole(file, data, size_bytes)
            yield data, end, False
            data = end
        at = data


def _next_data(file: BinaryIO, at: int, size_bytes: int) -> int:
    if not hasattr(os, "SEEK_DATA"):
        return at
    try:
        return os.lseek(file.fileno(), at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size_bytes  # a hole up to the end
        if error.errno == errno.EINVAL:
            return at  # this file system knows no holes
        raise


def _next_hole(file: BinaryIO, at: int, size_bytes: int) -> int:
    if not hasattr(os, "SEEK_HOLE"):
        return size_bytes
    try:
        return max(os.lseek(file.fileno(), at, os.SEEK_HOLE), at + 1)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EINVAL):
            return size_bytes
        raise
