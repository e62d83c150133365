"""Which clips are meant by --data and --split, and fields of lists of one's own."""

import math
from pathlib import Path

import pytest

from indexer.datasets.clips import ANY_SPLIT, CaptionedClip, ClipWindow, DatasetError
from indexer.datasets.lists import read_records, split_of, video_id_of, window_of
from indexer.datasets.selection import (
    NothingInSplit,
    check_videos,
    chosen_splits,
    held_out_size,
    of_split,
    parse_spec,
)

FILE = Path("list.csv")


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("msvd:folder", ("msvd", Path("folder"))),
        ("msvd:", ("msvd", Path())),
        ("a.csv", ("a.csv", None)),
        ("a.JSONL", ("a.JSONL", None)),
        ("other:a.csv", ("other:a.csv", None)),
    ],
)
def test_a_published_data_set_is_named_with_its_folder_and_a_list_by_its_file(spec, parsed):
    assert parse_spec(spec, ("msvd", "lsmdc")) == parsed


@pytest.mark.parametrize("spec", ["msvd", "other:folder", "a.txt"])
def test_anything_else_is_answered_with_what_there_is(spec):
    with pytest.raises(DatasetError, match="NAME one of msvd, lsmdc"):
        parse_spec(spec, ("msvd", "lsmdc"))


def clip(split: str) -> CaptionedClip:
    return CaptionedClip(split, Path(f"{split}.mp4"), "x", split=split)


def test_a_list_that_names_no_splits_serves_for_any():
    whole = [clip(ANY_SPLIT)] * 2
    assert of_split(whole, "anything", "a") == whole
    mixed = [clip("train"), clip("mine"), clip(ANY_SPLIT)]
    assert of_split(mixed, "train", "a") == mixed[:1]
    assert of_split(mixed, "mine+train", "a") == mixed[:2]
    assert of_split(mixed, "val", "a") == []
    with pytest.raises(DatasetError, match="a has no split 'odd': choose from mine, train, val, t"):
        of_split(mixed, "odd", "a")


def test_splits_are_joined_by_a_plus():
    assert chosen_splits("train+val", ("train", "val"), "a") == ["train", "val"]
    with pytest.raises(DatasetError, match="a has no split 'test': choose from train, val"):
        chosen_splits("train+test", ("train", "val", "train"), "a")


def test_one_video_that_is_there_is_enough(tmp_path):
    (tmp_path / "a.mp4").touch()
    there, gone = (ClipWindow(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    check_videos([gone, there], tmp_path, name="a", split="test")
    with pytest.raises(DatasetError, match="none of the 1 videos of a is in"):
        check_videos([gone], tmp_path, name="a", split="test")
    with pytest.raises(NothingInSplit, match="a has nothing in its split 'test'"):
        check_videos([], tmp_path, name="a", split="test")


@pytest.mark.parametrize(
    ("asked", "videos", "held"), [(500, 10_000, 500), (500, 100, 20), (500, 4, 1), (3, 15, 3)]
)
def test_a_fifth_is_held_out_at_most(asked, videos, held):
    assert held_out_size(asked, videos) == held


def test_times_of_a_window_lie_after_each_other_and_are_times():
    def window(**fields: object) -> ClipWindow:
        return window_of({"path": "a.mp4", **fields}, Path("/v"), FILE, 3)

    assert window() == ClipWindow(Path("/v/a.mp4"))
    assert window(start="", end=None) == ClipWindow(Path("/v/a.mp4"))
    assert window(start="0", end=2) == ClipWindow(Path("/v/a.mp4"), 0.0, 2.0)
    assert window(end=0) == ClipWindow(Path("/v/a.mp4"), None, 0.0)
    with pytest.raises(DatasetError, match="line 3: the clip ends at 2 s, not after its start"):
        window(start=2, end=2)
    for odd in (-1, math.inf, "soon", [1]):
        with pytest.raises(DatasetError, match=r"line 3: start is .*, not a time in seconds"):
            window(start=odd)
    with pytest.raises(DatasetError, match="line 3: the path is missing"):
        window(path=" ")


def test_a_clip_without_a_name_is_called_by_its_path_and_times():
    record = {"path": "a.mp4"}
    path = Path("/v/a.mp4")
    assert video_id_of(record, ClipWindow(path)) == "a.mp4"
    assert video_id_of(record, ClipWindow(path, 1.5)) == "a.mp4@1.5-"
    assert video_id_of(record, ClipWindow(path, None, 2.0)) == "a.mp4@-2"
    assert video_id_of(record | {"video_id": 7}, ClipWindow(path, 1.0)) == "7"
    assert (split_of(record), split_of({"split": " val "})) == ("all", "val")


def test_each_line_of_a_list_is_a_record_and_an_object(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"path": "a"}\n\n{"path": "b"}\n')
    assert list(read_records(file, ("path",))) == [(1, {"path": "a"}), (3, {"path": "b"})]
    for wrong, complaint in (("[1]", "here should be an object with path and text"), ("{", "JSON")):
        file.write_text(f'{{"path": "a"}}\n{wrong}\n')
        with pytest.raises(DatasetError, match=f"line 2: .*{complaint}"):
            list(read_records(file, ("path", "text")))
