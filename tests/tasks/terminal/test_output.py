"""What is printed is written whole, whatever stdout leads to."""

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from tasks.terminal import output
from tasks.terminal.output import OutputLost, whole_output, write_any_name


class Broken(io.StringIO):
    """A stdout whose last piece cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error

    def fileno(self) -> int:
        raise ValueError("there is no such file")


def written(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(error))
    with whole_output():
        pass


def test_a_full_disk_is_one_sentence(monkeypatch):
    with pytest.raises(OutputLost, match="what was found cannot be written: the disk is full"):
        written(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))


def test_who_has_read_enough_is_no_trouble(monkeypatch):
    given_up: list[bool] = []
    monkeypatch.setattr(output, "_give_up_stdout", lambda: given_up.append(True))
    written(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert given_up == [True]


def test_other_trouble_is_told_as_it_is_and_nothing_more_is_tried(monkeypatch):
    given_up: list[bool] = []
    monkeypatch.setattr(output, "_give_up_stdout", lambda: given_up.append(True))
    with pytest.raises(OSError, match="odd") as failed:
        written(monkeypatch, OSError(errno.EIO, "odd"))
    assert not isinstance(failed.value, OutputLost)
    assert given_up == [True]


def test_a_stdout_that_is_given_up_leads_nowhere(monkeypatch, tmp_path):
    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        output._give_up_stdout()
        file.write("lost")
        file.flush()
        assert os.path.samestat(os.fstat(file.fileno()), Path(os.devnull).stat())
    assert (tmp_path / "out").read_bytes() == b""


def printed(monkeypatch: pytest.MonkeyPatch, text: str, encoding: str) -> bytes:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    write_any_name()
    stream.write(text)
    stream.flush()
    return raw.getvalue()


def test_stray_bytes_are_written_as_they_are_and_strange_letters_spelled_out(monkeypatch):
    assert printed(monkeypatch, "a\udc80\udcffb", "utf-8") == b"a\x80\xffb"
    assert printed(monkeypatch, "\ud800é", "utf-8") == b"\\ud800\xc3\xa9"
    assert printed(monkeypatch, "\udc7f\udd00", "utf-8") == b"\\udc7f\\udd00"
    assert printed(monkeypatch, "日é\udcfe", "latin-1") == b"\\u65e5\xe9\xfe"


def test_what_cannot_be_read_is_no_name():
    with pytest.raises(UnicodeDecodeError):
        output._escaped(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"))
