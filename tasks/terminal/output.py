"""What is printed is written: whole, and with any name in it, whatever stdout leads to."""

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator

from models.errors import KinodexError
from search.wording import why_unwritten

_FULL = frozenset(getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG"))


class OutputLost(KinodexError):
    """What was printed, or was to be stored, found no room."""


@contextlib.contextmanager
def whole_output() -> Iterator[None]:
    """Write all that was printed before the block ends, however it ends.

    Python would do it after the end of the program, and could not say then that the disk is full.

    Raises OutputLost.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has read enough
        _give_up_stdout()
    except OSError as error:
        _give_up_stdout()
        if error.errno not in _FULL:
            raise
        raise OutputLost(f"what was found cannot be written: {why_unwritten(error)}") from error


def _give_up_stdout() -> None:
    """Let nothing be written any more: what waits to be would fail once more at the end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


_ESCAPED = "kinodex-escaped"
# How Python keeps the bytes of a name that are no valid text: one of these for each.
_FIRST_STRAY, _LAST_STRAY = 0xDC80, 0xDCFF


def write_any_name() -> None:
    """Let stdout and stderr take every name: no work is lost because its name cannot be said.

    Bytes of a name that are not valid text are written as they are, so that a path is a path
    again for whoever reads it. Characters that the encoding of an old locale or of a Windows pipe
    does not have are spelled out, as in "\\u65e5".
    """
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(problem: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    unwritten = problem.object[problem.start : problem.end]
    return b"".join(map(_written, unwritten)), problem.end


def _written(character: str) -> bytes:
    if _FIRST_STRAY <= ord(character) <= _LAST_STRAY:
        return bytes([ord(character) - 0xDC00])
    return character.encode("ascii", "backslashreplace")
