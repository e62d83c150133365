"""The file that a demuxer reads: what goes wrong with it is told once, in our words."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from indexer.reading.errors import DecodeFailed


class Source:
    """An open file as PyAV wants it.

    PyAV keeps one error of its file and writes the next ones to stderr with a traceback; and a
    demuxer may take an error for the end of the file. So a place that cannot be is answered with a
    number, as FFmpeg has it, and of a disk that fails `check` knows as well.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: DecodeFailed | None = None

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end, and none once reading has failed.

        Raises DecodeFailed the first time that reading fails.
        """
        if self._failure is not None:
            return b""
        try:
            return self._file.read(size)
        except OSError as error:
            raise self._failed(error) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; → it, or a negative error number where a damaged file leads nowhere."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError) as error:
            number = getattr(error, "errno", None) or errno.EINVAL
            if number != errno.EINVAL:
                self._failed(error)
            return -number

    def tell(self) -> int:
        """Where the next bytes are read."""
        return self._file.tell()

    def check(self) -> None:
        """Raises DecodeFailed if reading has failed at any time: what was read is not the file."""
        if self._failure is not None:
            raise self._failure

    def _failed(self, error: Exception) -> DecodeFailed:
        why = getattr(error, "strerror", None) or error
        self._failure = DecodeFailed("read", f"it cannot be read ({why})")
        return self._failure
