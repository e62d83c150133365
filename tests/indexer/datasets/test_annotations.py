"""Annotation files of every shape: what is wrong is told with its file and line."""

import json
from pathlib import Path

import pytest

from indexer.datasets.annotations import JsonFile, VideoFiles, line_of, read_lines, read_rows
from indexer.datasets.clips import DatasetError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.txt"


def rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    return list(read_rows(file, ("path",)))


def test_lines_come_with_their_numbers_and_without_what_is_around_them(file):
    file.write_bytes(b"\xef\xbb\xbffirst\r\n\n  third \n")
    assert list(read_lines(file)) == [(1, "first"), (3, "third")]


def test_a_file_that_is_not_there_or_no_text_is_named(file):
    with pytest.raises(DatasetError, match=r"notes\.txt.*cannot be read \(No such file"):
        list(read_lines(file))
    file.write_bytes(b"\none\n\xff\n")
    with pytest.raises(DatasetError, match=r"line 3.*not UTF-8"):
        list(read_lines(file))


def test_rows_come_with_the_line_that_they_begin_on(file):
    file.write_text('path, text\na.mp4,"two\nlines"\n\nb.mp4,one\n')
    assert rows(file) == [
        (2, {"path": "a.mp4", "text": "two\nlines"}),
        (5, {"path": "b.mp4", "text": "one"}),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "line 1.*no column 'path'"),
        ("text\n", "line 1.*no column 'path'"),
        ("path,text\na,b\na,b,c\n", "line 3.*3 cells where the header has 2: put quotes"),
        ("path,text\n\na\n", "line 3.*1 cells"),
        ("path,text\na,b\n" + "c" * 200_000 + ",d\n", "line 3.*not valid CSV"),
    ],
)
def test_a_table_that_is_wrong_is_told_by_its_line(file, content, complaint):
    file.write_text(content)
    with pytest.raises(DatasetError, match=complaint):
        rows(file)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("{\n", "line 2.*not valid JSON"), ("[" * 100_000, "nested too deeply")],
)
def test_what_is_no_json_is_told_by_its_line(file, content, complaint):
    file.write_text(content)
    with pytest.raises(DatasetError, match=complaint):
        JsonFile(file)


def test_a_file_says_what_it_should_hold(file):
    file.write_text("\n7")
    for kind, named in ((list, "a list of videos"), (dict, "an object of videos")):
        with pytest.raises(DatasetError, match=f"line 2: here should be {named}"):
            JsonFile(file).check(kind, "of videos")
    file.write_text("[]")
    JsonFile(file).check(list, "of videos")
    with pytest.raises(DatasetError, match="an object"):
        JsonFile(file).check(dict, "of videos")


def test_fields_are_of_their_kind_or_told_by_the_records_line(file):
    file.write_text('[\n{"name": "a", "parts": []},\n{"name": 7},\n8]')
    parsed = JsonFile(file)
    whole, half, number = parsed.value
    assert parsed.field(whole, "name", str, 0) == "a"
    assert parsed.field(whole, "parts", list, 0) == []
    for record, name, kind, at, complaint in (
        (half, "name", str, 1, "line 3: 'name' is missing, or is no text"),
        (half, "parts", list, 1, "line 3: 'parts' is missing, or is no list"),
        (whole, "parts", str, 0, "line 2: 'parts' is missing, or is no text"),
        (number, "name", str, 2, "line 4: here should be an object with named fields"),
    ):
        with pytest.raises(DatasetError, match=complaint):
            parsed.field(record, name, kind, at)


def test_the_line_of_every_value_is_found():
    text = '\n{ "a" :\n[1,\n{"b]}":"[{,"},\n\n[ ] ,\n2 ],\n"c"\n: {}}'
    places = {("a",): 3, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b]}"): 4, ("a", 2): 6, ("c",): 9}
    assert json.loads(text)["a"][3] == 2
    assert {keys: line_of(text, *keys) for keys in places} == places
    assert line_of(text, "a", 3) == 7
    assert line_of(text) == 2


def test_videos_are_found_by_any_of_their_names(tmp_path):
    for name in ("b/one.MKV", "a/one.mp4", "two.mp4", "two.txt", "notes.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = VideoFiles(tmp_path)
    assert files.find("one") == tmp_path / "a" / "one.mp4"  # the first by folder
    assert files.find("zero", "two") == tmp_path / "two.mp4"
    assert files.find("two", "one") == tmp_path / "two.mp4"
    assert files.find("notes") == tmp_path / "notes.mp4"
    assert files.find("part/three") == tmp_path / "part_three.mp4"


def test_a_folder_of_pictures_is_a_video_where_there_is_no_file_of_it(tmp_path):
    for name in ("one/img_1.JPG", "b/two/1.png", "b/three/notes.txt", "2.2/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "one.webm").touch()
    files = VideoFiles(tmp_path)
    assert files.find("two") == tmp_path / "b" / "two"
    assert files.find("two.avi") == tmp_path / "b" / "two"
    assert files.find("2.2") == tmp_path / "2.2"
    assert files.find("one") == tmp_path / "b" / "one.webm"
    assert files.find("three") == tmp_path / "three.mp4"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no folder '.*gone'.*with the videos"):
        VideoFiles(tmp_path / "gone")
