"""Names that are merely odd: what a pipe gets is a path, in every alphabet and spelling."""

import io
import json
import os
import shutil
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.calling import call, said, shown_json
from tests.corpus import scene, write_clip

# As macOS, phones and old systems write them; the last is Latin-1.
ODD_NAMES = [
    "at 3.42.10\u202fPM.mp4".encode(),
    "Snímek\u00a0v 13.05.mp4".encode(),
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.mp4".encode(),
    "日本の海 – Ęno.mp4".encode(),
    b"caf\xe9.mp4",
    b"-dash \\n.mp4",
]
APART = unicodedata.normalize("NFD", "Müller 2024/Grüße.mp4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of odd names, each of another picture."""
    folder = tmp_path_factory.mktemp("odd")
    for seed, name in enumerate([*ODD_NAMES, os.fsencode(APART)]):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        write_clip(path, [scene(seed)] * 5)
    return folder


@pytest.fixture(scope="module")
def library(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "library"
    assert call("index", folder, "-l", place, "-m", "bundled", "--head", "meanP") == 0
    return place


class Written:
    """What a command writes to a file or pipe of an encoding, and how it ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, encoding: str, *arguments: object) -> None:
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
        with monkeypatch.context() as patched:
            for name, stream in streams.items():
                patched.setattr(sys, name, stream)
            self.code = call(*arguments)
            for stream in streams.values():
                stream.flush()
        self.out, self.err = (stream.buffer.getvalue() for stream in streams.values())


def test_printed_paths_are_the_paths_of_the_files(folder, library, monkeypatch):
    shown = Written(monkeypatch, "utf-8", "search", "x", "-l", library, "--paths")
    expected = {os.fsencode(folder) + b"/" + name for name in ODD_NAMES}
    assert expected < set(shown.out.splitlines())


def test_a_table_for_a_pipe_holds_the_paths_of_the_files(folder, library, monkeypatch):
    shown = Written(monkeypatch, "utf-8", "search", "x", "-l", library)
    places = {line.split(b"\t")[4] for line in shown.out.splitlines()}
    assert {os.fsencode(folder) + b"/" + name for name in ODD_NAMES} < places


def test_an_edit_list_names_the_files(folder, library, monkeypatch):
    lines = Written(monkeypatch, "utf-8", "search", "x", "-l", library, "--edl").out.split(b"\n")
    sources = {line.partition(b": ")[2] for line in lines if line.startswith(b"* SOURCE FILE")}
    assert all(os.path.exists(source) for source in sources)  # noqa: PTH110
    assert len(sources) == len(ODD_NAMES) + 1


def test_a_zero_byte_keeps_paths_with_line_breaks_apart(folder, tmp_path, monkeypatch):
    file = tmp_path / "videos" / "two\nlines\tand a tab.mp4"
    file.parent.mkdir()
    shutil.copy(next(folder.glob("at*")), file)
    place = tmp_path / "library"
    assert call("index", file, "-l", place, "-m", "bundled", "--head", "meanP") == 0

    assert Written(monkeypatch, "utf-8", "search", "x", "-l", place, "-0").out == (
        os.fsencode(file) + b"\0"
    )
    [row] = Written(monkeypatch, "utf-8", "search", "x", "-l", place).out.splitlines()
    assert row.count(b"\t") == 5
    assert row.split(b"\t")[4].endswith(b"two\\nlines\\tand a tab.mp4")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
@pytest.mark.parametrize(
    "command",
    [
        ("search", "x", "--paths"),
        ("search", "x"),
        ("search", "x", "--json"),
        ("search", "x", "--csv"),
        ("search", "x", "--edl"),
        ("status",),
        ("failed",),
        ("tags", "--all"),
        ("where",),
    ],
    ids=" ".join,
)
def test_an_alphabet_that_lacks_letters_stops_no_work(library, monkeypatch, encoding, command):
    shown = Written(monkeypatch, encoding, *command, "-l", library)
    assert shown.code == 0
    assert b"Traceback" not in shown.err


def test_letters_that_an_alphabet_lacks_are_spelled_out(library, monkeypatch):
    lines = Written(monkeypatch, "cp1252", "search", "x", "-l", library, "--paths").out.splitlines()
    names = {line.rpartition(b"/")[2] for line in lines}
    assert b"\\u65e5\\u672c\\u306e\\u6d77 \x96 \\u0118no.mp4" in names
    assert {"Snímek\u00a0v 13.05.mp4".encode("cp1252"), b"caf\xe9.mp4"} < names


def test_an_export_to_an_old_terminal_is_whole(library, tmp_path, monkeypatch):
    out = tmp_path / "clips"
    shown = Written(monkeypatch, "cp1252", "export", "x", "-l", library, "-o", out)
    assert shown.code == 0
    assert len(list(out.iterdir())) == len(ODD_NAMES) + 1


def test_a_failure_of_an_odd_name_is_told_in_any_alphabet(tmp_path, monkeypatch):
    (tmp_path / "海.mp4").write_bytes(b"")
    arguments = ("index", tmp_path / "海.mp4", "-l", tmp_path / "library", "-m", "bundled")
    shown = Written(monkeypatch, "ascii", *arguments)
    assert shown.code == 3
    assert b"\\u6d77.mp4: it is empty" in shown.err


@pytest.mark.parametrize("spelling", ["NFC", "NFD"])
def test_both_spellings_of_a_name_find_it(folder, library, monkeypatch, spelling):
    inside, file = Path(unicodedata.normalize(spelling, "Müller 2024")), "Grüße.mp4"
    there = os.fsencode(folder / APART)
    for place in (inside, folder / inside, folder / inside / file):
        asked = unicodedata.normalize(spelling, str(place))
        shown = Written(monkeypatch, "utf-8", "search", "x", "-l", library, "--in", asked, "-0")
        assert shown.out == there + b"\0"
    for video in (file, folder / inside / file):
        moment = unicodedata.normalize(spelling, f"{video}@0:00")
        assert call("tags", moment, "-l", library) == 0
        assert Written(monkeypatch, "utf-8", "search", "--like", moment, "-l", library).code == 0


def test_a_label_is_one_however_it_is_spelled(library, monkeypatch):
    together, apart = (unicodedata.normalize(form, "Fußgängerübergang") for form in ("NFC", "NFD"))
    assert call("tag", "--correct", "1", apart, "-l", library) == 0
    for spelled in (together, apart):
        shown = Written(monkeypatch, "utf-8", "search", "--tag", spelled, "-l", library, "-0")
        assert (shown.code, shown.out.count(b"\0")) == (0, 1)
    assert call("tag", "--forget", "1", together, "-l", library) == 0


def test_sources_that_are_named_like_videos_are_said_once_and_fail_nothing(
    folder, tmp_path, capsys
):
    videos, place = tmp_path / "videos", tmp_path / "library"
    (videos / "src").mkdir(parents=True)
    shutil.copy(next(folder.glob("at*")), videos / "clip.mp4")
    (videos / "src" / "app.ts").write_text("export const y: number = 1;\n")
    for _ in range(2):
        capsys.readouterr()
        assert call("index", videos, "-l", place, "-m", "bundled", "--head", "meanP") == 0
        assert said(capsys).count("left aside: 1 named like videos, but text") == 1
    assert shown_json(capsys, "status", "-l", place)["failed"] == 0


@pytest.fixture
def moved(tmp_path: Path, folder: Path) -> tuple[Path, Path]:
    """A disk that was indexed and is mounted at another place now, and its library."""
    before, after, place = tmp_path / "disk-a", tmp_path / "disk-b", tmp_path / "library"
    (before / "trip").mkdir(parents=True)
    shutil.copy(next(folder.glob("at*")), before / "trip" / "clip.mp4")
    assert call("index", before, "-l", place, "-m", "bundled", "--head", "meanP") == 0
    before.rename(after)
    assert call("index", after, "-l", place) == 0
    return after / "trip" / "clip.mp4", place


@pytest.mark.parametrize("form", [None, "--paths", "--csv", "--edl", "--m3u", "--otio", "--vtt"])
def test_a_moved_folder_is_named_as_it_is_now(moved, capsys, form):
    file, place = moved
    capsys.readouterr()
    assert call("search", "x", "-l", place, *([form] if form else [])) == 0
    shown = capsys.readouterr().out
    assert str(file) in shown
    assert "disk-a" not in shown


def test_a_keyframe_is_made_again_from_the_place_that_exists(moved, tmp_path, capsys):
    _, place = moved
    shutil.rmtree(place / "media")
    sheet = tmp_path / "sheet.png"
    assert call("export", "x", "-l", place, "-o", tmp_path / "clips", "--sheet", sheet) == 0
    assert list((place / "media").rglob("*.jpg"))
    assert sheet.exists()


def test_of_two_copies_the_one_in_the_folder_asked_for_is_named(moved, tmp_path, capsys):
    file, place = moved
    copy = tmp_path / "zz" / "copy.mp4"
    copy.parent.mkdir()
    shutil.copy(file, copy)
    assert call("index", copy.parent, "-l", place) == 0
    for inside, first in (("zz", copy), ("disk-b", file), (tmp_path / "zz", copy)):
        capsys.readouterr()
        assert call("search", "x", "-l", place, "--in", inside, "--json") == 0
        assert json.loads(capsys.readouterr().out)["paths"][0] == str(first)


@pytest.mark.parametrize("day", ["0001", "0001-01-01", "0000", "1799-12-31", "9999-99"])
@pytest.mark.parametrize("option", ["--after", "--before"])
def test_a_day_that_is_none_is_one_sentence(library, capsys, option, day):
    capsys.readouterr()
    assert call("search", "x", "-l", library, option, day) == 2
    sentence = f"kinodex: '{day}' is no day: write 2024-05-17, 2024-05 or 2024"
    assert said(capsys).startswith(sentence)


@pytest.mark.parametrize("day", ["1800", "9999-12-31"])
def test_the_first_and_the_last_day_are_days(library, day, monkeypatch):
    for option, count in (("--after", 7 * (day == "1800")), ("--before", 7 * (day != "1800"))):
        shown = Written(monkeypatch, "utf-8", "search", "x", "-l", library, option, day, "-0")
        assert (shown.code, shown.out.count(b"\0")) == (0, count)
