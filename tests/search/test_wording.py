"""Counts, times, sizes and names as people read them."""

import errno
from pathlib import Path

import pytest

from search.wording import (
    as_sentence,
    clock,
    composed,
    counted,
    in_megabytes,
    one_line,
    printable,
    short_path,
    span,
    why_unwritten,
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b.mp4", "a b.mp4"),
        ("é🐈.mp4", "é🐈.mp4"),
        ("a\n\x1b[31m", "a\\n\\x1b[31m"),
        ("\udcff", "\\udcff"),
        (
            "at 3.42\u202fPM \xa0 \U0001f468\u200d\U0001f469",
            "at 3.42\u202fPM \xa0 \U0001f468\u200d\U0001f469",
        ),
        ("a\u202eb\u200bc", "a\\u202eb\\u200bc"),
    ],
)
def test_a_name_cannot_move_the_cursor(name, shown):
    assert printable(name) == printable(Path(name)) == shown


def test_a_line_keeps_all_but_what_would_break_it():
    assert one_line("a\tb\r\n\x85\u2028c\x0b") == "a\\tb\\r\\n\\x85\\u2028c\\x0b"
    assert one_line("caf\udce9 \u202f\u200d\x1b[2J \\n") == "caf\udce9 \u202f\u200d\x1b[2J \\n"


def test_two_spellings_of_a_name_are_one():
    assert composed("Gru\u0308ße \udce9") == composed("Grüße \udce9") == "Grüße \udce9"


def test_a_full_disk_is_told_in_words():
    assert why_unwritten(OSError(errno.ENOSPC, "No space left on device")) == "the disk is full"
    assert why_unwritten(OSError(errno.ENOTDIR, "Not a directory")) == "Not a directory"
    assert why_unwritten(OSError("it went wrong")) == "it went wrong"


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "video", "0 videos"),
        (1, "video", "1 video"),
        (2, "video", "2 videos"),
        (1, "file or folder", "1 file or folder"),
        (2, "file or folder", "2 files or folders"),
    ],
)
def test_things_are_counted_in_their_number(count, noun, said):
    assert counted(count, noun) == said


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0:00.0"),
        (5.26, "0:05.3"),
        (9.94, "0:09.9"),
        (59.96, "1:00.0"),
        (63.4, "1:03.4"),
        (3599.9, "59:59.9"),
        (3600.0, "1:00:00.0"),
        (3723.4, "1:02:03.4"),
    ],
)
def test_times_are_those_of_a_player(seconds, shown):
    assert clock(seconds) == shown


def test_a_span_holds_all_of_a_moment():
    assert span(3.2, 7.1) == "0:03 – 0:08"
    assert span(3.0, 7.0) == "0:03 – 0:07"
    assert span(10.0, 3600.5) == "0:10 – 1:00:01"


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 kB"),
        (1, "1 kB"),
        (1000, "1 kB"),
        (99_001, "100 kB"),
        (100_000, "0.1 MB"),
        (9_940_000, "9.9 MB"),
        (10_000_000, "10 MB"),
        (999_000_000, "999 MB"),
        (1_000_000_000, "1.0 GB"),
        (1_250_000_000, "1.2 GB"),
    ],
)
def test_sizes_have_two_or_three_digits(size_bytes, shown):
    assert in_megabytes(size_bytes) == shown


def test_a_path_on_another_drive_is_told_whole(monkeypatch):
    def fail(_path: Path) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", fail)
    assert short_path(Path("/videos/a.mp4")) == "/videos/a.mp4"


def test_a_path_is_told_the_shorter_way(tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert short_path(folder / "a.mp4") == "a.mp4"
    assert short_path(tmp_path / "b.mp4") == "../b.mp4"
    assert short_path(Path("/a.mp4")) == "/a.mp4"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("no video is there", "No video is there."),
        ("no match is sure. The nearest are:", "No match is sure. The nearest are:"),
        ("Is it?", "Is it?"),
        ("one moment …", "One moment …"),
        ("", "."),
    ],
)
def test_a_message_is_a_sentence_with_one_end(said, sentence):
    assert as_sentence(said) == sentence
