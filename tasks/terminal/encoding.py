"""Whatever a name holds, it can be written: to any terminal, pipe or file, in any alphabet."""

import codecs
import io
import sys

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
