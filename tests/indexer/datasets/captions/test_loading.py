"""Annotation files in the forms in which they are published, right and wrong."""

import json
from pathlib import Path

import pytest

from indexer.datasets.annotations import line_of
from indexer.datasets.captions.loading import load_dataset, load_training_data
from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset, DatasetError, in_paragraphs
from indexer.reading.clip import sample_clip
from indexer.reading.sampling import Sampling
from indexer.reading.settings import IndexSettings
from tests.corpus import shots, write_clip
from tests.indexer import annotation_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return annotation_files.write_all(tmp_path)


def captions(dataset: Dataset) -> list[tuple[str, str]]:
    return [(clip.video_id, clip.caption) for clip in dataset.clips]


def test_msrvtt_9k_holds_the_official_validation_videos_out(folder):
    dataset = load_dataset(f"msrvtt-9k:{folder / 'msrvtt'}", split="train")
    assert captions(dataset) == [
        ("video1", "two birds sit on a wire"),
        ("video0", "a red car drives up a hill"),
        ("video0", "the car is being driven"),
    ]
    validation = load_dataset(f"msrvtt-9k:{folder / 'msrvtt'}", split="val")
    assert captions(validation) == [("video2", "someone folds a paper boat")]


def test_msrvtt_train_and_val_together_are_the_published_list(folder):
    dataset = load_dataset(f"msrvtt-7k:{folder / 'msrvtt'}", split="train+val")
    assert dataset.video_ids == ("video0", "video2")
    assert [clip.split for clip in dataset.clips] == ["train", "train", "val"]


def test_msrvtt_test_has_one_sentence_each(folder):
    dataset = load_dataset(f"msrvtt-9k:{folder / 'msrvtt'}", split="test")
    assert captions(dataset) == [
        ("video3", "a drummer plays, alone"),
        ("video1", "birds on a wire"),
    ]


def test_videos_are_found_by_name_anywhere_below_the_folder(folder):
    dataset = load_dataset(f"msrvtt-9k:{folder / 'msrvtt'}", split="test")
    assert dataset.clips[0].path == folder / "msrvtt" / "all" / "video3.webm"
    # A missing one is told of when clips are decoded.
    assert dataset.clips[1].path == folder / "msrvtt" / "video1.mp4"


def test_no_video_at_all_is_an_error_that_names_the_option(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DatasetError, match=r"none of the 2 videos .* name their folder with --video"
    ):
        load_dataset(f"msrvtt-9k:{folder / 'msrvtt'}", videos=tmp_path / "empty", split="test")


def test_msvd_reads_the_corpus_own_text_file(folder):
    dataset = load_dataset(f"msvd:{folder / 'msvd'}", split="test")
    assert captions(dataset) == [
        ("mv89psg6zh4_33_46", "a bird bathes in a sink"),
        ("-4wsuPCjDBc_5_15", "a squirrel eats a nut"),
        ("-4wsuPCjDBc_5_15", "an animal chews on something"),
    ]
    assert dataset.video_of_clip == (0, 1, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("raw-captions.json", annotation_files.msvd_json()),
        ("video_corpus.csv", annotation_files.MSVD_TABLE),
    ],
)
def test_msvd_captions_in_other_forms_are_the_same(folder, name, content):
    expected = captions(load_dataset(f"msvd:{folder / 'msvd'}", split="test"))
    (folder / "msvd" / "AllVideoDescriptions.txt").unlink()
    (folder / "msvd" / name).write_text(content, encoding="utf-8")
    assert captions(load_dataset(f"msvd:{folder / 'msvd'}", split="test")) == expected


def test_msvd_comments_are_passed_over_whatever_they_hold(folder):
    expected = captions(load_dataset(f"msvd:{folder / 'msvd'}", split="test"))
    file = folder / "msvd" / "AllVideoDescriptions.txt"
    file.write_text("#\n#comment\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert captions(load_dataset(f"msvd:{folder / 'msvd'}", split="test")) == expected


def test_msvd_pickle_is_left_alone_beside_a_file_that_can_be_read(folder):
    before = load_dataset(f"msvd:{folder / 'msvd'}", split="train")
    (folder / "msvd" / "raw-captions.pkl").write_bytes(b"pickle")
    assert load_dataset(f"msvd:{folder / 'msvd'}", split="train") == before


def test_msvd_pickle_is_refused_with_the_way_out(folder):
    (folder / "msvd" / "AllVideoDescriptions.txt").rename(folder / "msvd" / "raw-captions.pkl")
    with pytest.raises(
        DatasetError, match=r"raw-captions.pkl: .*raw-captions.json .*kinodex convert cap"
    ):
        load_dataset(f"msvd:{folder / 'msvd'}", split="test")


def test_msvd_without_captions_names_the_files_that_could_hold_them(folder):
    (folder / "msvd" / "AllVideoDescriptions.txt").unlink()
    with pytest.raises(
        DatasetError, match=r"no AllVideoDescriptions\.txt or raw-captions\.json or"
    ):
        load_dataset(f"msvd:{folder / 'msvd'}", split="test")


def test_msvd_captions_are_texts_or_lists_of_words(folder):
    (folder / "msvd" / "AllVideoDescriptions.txt").unlink()
    (folder / "msvd" / "raw-captions.json").write_text('{\n"a": [["a", "cat"]],\n"b": [7]}')
    with pytest.raises(DatasetError, match="line 3: a caption should be text or a list of words"):
        load_dataset(f"msvd:{folder / 'msvd'}", split="test")


def test_a_folder_of_a_dataset_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no folder '.*gone' with the files of msvd"):
        load_dataset(f"msvd:{tmp_path / 'gone'}", split="test")


def test_lsmdc_may_name_a_clip_twice(folder):
    dataset = load_dataset(f"lsmdc:{folder / 'lsmdc'}", split="train")
    assert [clip.caption for clip in dataset.clips] == ["Someone lies in bed.", "SHE looks up."]
    assert len(dataset.windows) == 1
    assert dataset.windows[0].path.is_file()


def test_activitynet_joins_the_sentences_of_a_video(folder):
    dataset = load_dataset(f"activitynet:{folder / 'activitynet'}", split="test")
    assert captions(dataset) == [
        ("v_QOlSCBRmfWY", "A girl steps onto a stage. She starts to dance."),
        ("v_ehGHCYKzyZ8", "A man washes a dog."),
    ]
    assert dataset.windows[0].end_s is None


def test_activitynet_files_are_found_with_and_without_what_stands_before_their_ids(folder):
    videos = folder / "activitynet" / "videos"
    (videos / "ehGHCYKzyZ8.mp4").touch()
    dataset = load_dataset(f"activitynet:{folder / 'activitynet'}", split="test")
    assert [clip.path for clip in dataset.clips] == [
        videos / "v_QOlSCBRmfWY.mkv",
        videos / "ehGHCYKzyZ8.mp4",
    ]
    (videos / "v_ehGHCYKzyZ8.mp4").touch()
    dataset = load_dataset(f"activitynet:{folder / 'activitynet'}", split="test")
    assert dataset.clips[1].path == videos / "v_ehGHCYKzyZ8.mp4"


def test_didemo_joins_the_descriptions_of_the_seconds_that_the_papers_read(folder):
    dataset = load_dataset(f"didemo:{folder / 'didemo'}", split="val")
    assert captions(dataset) == [
        ("12090392@N02_13482799053_87ef417396.mov", "the dog comes out the dog lies down"),
        ("44999205@N05_5243138138_f3a2.3gp", "first appearance of a boy"),
    ]
    # The second video was converted: its extension is another one than in the annotations.
    videos = folder / "didemo" / "videos"
    assert dataset.windows == (
        ClipWindow(videos / "12090392@N02_13482799053_87ef417396.mov", None, 32.0),
        ClipWindow(videos / "44999205@N05_5243138138_f3a2.mp4", None, 32.0),
    )


def write_didemo(folder: Path, described: list[str], files: list[str]) -> Path:
    """A folder with descriptions of these videos as its test, and these files."""
    moments = [{"video": name, "description": f"about {name}"} for name in described]
    (folder / "videos").mkdir(parents=True)
    (folder / "test_data.json").write_text(json.dumps(moments))
    for name in files:
        (folder / "videos" / name).touch()
    return folder


def test_didemo_videos_are_the_files_of_their_very_names(tmp_path):
    described = ["7@N0_1_a.mov", "7@N0_1_a.mp4", "7@N0_2_b", "7@N0_3_c.3g2", "8@N0.5_4_d"]
    files = ["7@N0_1_a.mov", "7@N0_1_a.mp4", "7@N0_2_b", "7@N0_3_c.3g2", "8@N0.5_4_d.avi"]
    write_didemo(tmp_path / "d", described, files)
    dataset = load_dataset(f"didemo:{tmp_path / 'd'}", split="test")
    assert [clip.path.name for clip in dataset.clips] == files
    assert all(clip.path.is_file() for clip in dataset.clips)


def test_a_converted_didemo_video_is_found_but_never_the_file_of_another_video(tmp_path):
    described = ["1_a.mov", "1_a.mp4", "2_b.mov", "3_c.3g2", "4_d.avi"]
    files = ["1_a.mp4", "2_b.mov.mp4", "3_c.mp4", "4_d"]
    write_didemo(tmp_path / "d", described, files)
    dataset = load_dataset(f"didemo:{tmp_path / 'd'}", split="test")
    found = [clip.path.name if clip.path.is_file() else None for clip in dataset.clips]
    assert found == [None, "1_a.mp4", "2_b.mov.mp4", "3_c.mp4", "4_d"]
    assert dataset.clips[0].path == tmp_path / "d" / "1_a.mov"


def test_didemo_counts_the_videos_of_its_list(tmp_path):
    folder = write_didemo(tmp_path / "d", ["a.mov", "b.mov", "c"], ["a.mov", "b.mov", "c"])
    (folder / "test_list.txt").write_text("c\na.mov\nnever_described.mov\n")
    dataset = load_dataset(f"didemo:{folder}", split="test")
    assert dataset.video_ids == ("a.mov", "c")
    (folder / "test_list.txt").write_text("a.mp4\nb.mp4\n")
    with pytest.raises(DatasetError, match=r"test_list\.txt: not one of its videos is described"):
        load_dataset(f"didemo:{folder}", split="test")


def test_a_list_of_ones_own_as_csv(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "pairs.csv").write_text(
        'caption,path,start,end,mood\n"a dog, running",a.mp4,3,8.5,good\nthe same,a.mp4,3,8.5,\n'
        "a cat,b.mp4,,,\n",
        encoding="utf-8-sig",
    )
    dataset = load_dataset(str(tmp_path / "pairs.csv"), split="test")
    assert dataset.clips == (
        CaptionedClip("a.mp4@3-8.5", tmp_path / "a.mp4", "a dog, running", 3.0, 8.5, "all"),
        CaptionedClip("a.mp4@3-8.5", tmp_path / "a.mp4", "the same", 3.0, 8.5, "all"),
        CaptionedClip("b.mp4", tmp_path / "b.mp4", "a cat", None, None, "all"),
    )


def test_a_list_of_ones_own_as_jsonl_with_splits(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").touch()
    lines = [
        {"path": "a.mp4", "caption": "one", "split": "train", "video_id": "first"},
        {"path": "a.mp4", "caption": "two", "split": "test", "video_id": "second", "start": 2},
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    dataset = load_dataset(str(file), videos=tmp_path / "videos", split="test")
    assert captions(dataset) == [("second", "two")]
    assert dataset.windows == (ClipWindow(tmp_path / "videos" / "a.mp4", 2.0, None),)
    with pytest.raises(DatasetError, match="nothing in its split 'val'"):
        load_dataset(str(file), videos=tmp_path / "videos", split="val")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,text\na.mp4,x\n", "line 1: there is no column 'caption'"),
        ("path,caption\na.mp4,one\na.mp4,two,three\n", "line 3: 3 cells .* header has 2"),
        ('path,caption\na.mp4,"x\ny"\na.mp4,\n', "line 4: the caption is missing"),
        ("path,caption,start\na.mp4,x,soon\n", "line 2: start is 'soon', not a time"),
        ("path,caption,start\na.mp4,x,-1\n", "line 2: start is '-1', not a time"),
        ("path,caption,start\na.mp4,x,nan\n", "line 2: start is 'nan', not a time"),
        ("path,caption,start,end\na.mp4,x,5,5\n", "line 2: the clip ends at 5 s, not after"),
        (
            "path,caption,video_id\na.mp4,x,v\nb.mp4,y,v\n",
            "line 3: video_id 'v' stands for another clip in line 2",
        ),
        ("path,caption,video_id\na.mp4,x,v\na.mp4,y,w\n", "line 3: the same clip is called 'v'"),
        (b"path,caption\na.mp4,x\nb.mp4,\xff\n", "line 3: it is not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_its_line(tmp_path, content, complaint):
    file = tmp_path / "pairs.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=rf"pairs\.csv, {complaint}"):
        load_dataset(str(file), split="test")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"path": "a.mp4", "caption": "x"}\n{"path": "a', "line 2: it is not valid JSON"),
        ('{"path": "a.mp4", "caption": "x"}\n[1]', "line 2: here should be an object"),
        ('\n{"path": "a.mp4", "caption": 3}', "line 2: the caption is missing"),
        ('{"path": "a.mp4", "caption": "x", "end": []}', "line 1: end is \\[\\], not a time"),
    ],
)
def test_what_is_wrong_with_a_jsonl_list_is_said_with_its_line(tmp_path, content, complaint):
    file = tmp_path / "pairs.jsonl"
    file.write_text(content)
    with pytest.raises(DatasetError, match=rf"pairs\.jsonl, {complaint}"):
        load_dataset(str(file), split="test")


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "msrvtt/MSRVTT_data.json",
            '"caption": "two birds sit on a wire", ',
            "",
            "line 14: 'caption' is missing, or is no text",
        ),
        ("msrvtt/MSRVTT_data.json", '"video3",', "3,", "line 9: 'video_id' is missing"),
        ("msrvtt/MSRVTT_data.json", '"sentences"', '"words"', "line 1: 'sentences' is missing"),
        ("msrvtt/MSRVTT_data.json", "1},", "1}", "line 7: it is not valid JSON"),
        ("msrvtt/MSRVTT_train.9k.csv", "video1", "video99", "line 2: 'video99' has no sentence"),
        ("msrvtt/MSRVTT_train.9k.csv", "video_id", "video", "line 1: there is no column"),
        ("msvd/AllVideoDescriptions.txt", " a bird bathes in a sink", "", "line 6: there is no c"),
        ("msvd/train_list.txt", "-4w", "-5w", "line 1: '-5wsuPCjDBc_5_15' has no caption"),
        ("lsmdc/LSMDC16_annos_training.csv", "\tSHE", " SHE", "line 2: 5 fields where six"),
        ("activitynet/train.json", "[1.0, 61.72]", "", "line 4: 1 sentences and 0 timestamps"),
        ("activitynet/train.json", '"A man washes a dog."', "7", "line 6: a sentence should be t"),
        ("didemo/train_data.json", '"first appearance of a boy"', "null", "line 4: 'description'"),
    ],
)
def test_what_is_wrong_with_a_published_file_is_said_with_its_line(
    folder, file, old, new, complaint
):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    name = file.split("/")[0]
    spec = f"{'msrvtt-9k' if name == 'msrvtt' else name}:{folder / name}"
    with pytest.raises(DatasetError, match=f"{Path(file).name}, {complaint}"):
        load_dataset(spec, split="train")


def test_a_missing_file_of_a_dataset_is_named(folder):
    (folder / "lsmdc" / "LSMDC16_annos_val.csv").unlink()
    with pytest.raises(DatasetError, match=r"there is no LSMDC16_annos_val\.csv in"):
        load_dataset(f"lsmdc:{folder / 'lsmdc'}", split="val")


@pytest.mark.parametrize("spec", ["msrvtt:folder", "nothing", "pairs.txt"])
def test_an_unknown_dataset_is_answered_with_those_there_are(spec):
    with pytest.raises(DatasetError, match="NAME one of msrvtt-7k, msrvtt-9k, msvd"):
        load_dataset(spec, split="test")


def test_an_unknown_split_is_answered_with_those_there_are(folder):
    with pytest.raises(DatasetError, match="activitynet has no split 'val': choose from train, te"):
        load_dataset(f"activitynet:{folder / 'activitynet'}", split="val")


def test_training_uses_the_validation_split_where_there_is_one(folder):
    training, validation = load_training_data(f"msvd:{folder / 'msvd'}")
    assert (training.split, validation.split) == ("train", "val")
    assert validation.video_ids == ("mv89psg6zh4_33_46",)


def test_training_holds_videos_out_where_there_is_no_validation_split(tmp_path):
    (tmp_path / "0.mp4").touch()
    rows = "".join(f"{video}.mp4,caption {row}\n" for row in range(3) for video in range(20))
    (tmp_path / "pairs.csv").write_text(f"path,caption\n{rows}")
    training, validation = load_training_data(str(tmp_path / "pairs.csv"), validation_videos=500)
    assert len(training.video_ids) == 16
    assert len(validation.video_ids) == 4
    assert not set(training.video_ids) & set(validation.video_ids)
    assert len(validation.clips) == 12
    again = load_training_data(str(tmp_path / "pairs.csv"), validation_videos=500)
    assert again == (training, validation)


def test_clips_that_cannot_be_decoded_are_left_out_with_all_their_captions():
    clips = tuple(CaptionedClip(name, Path(name), "x") for name in ("a", "b", "a", "c"))
    dataset = Dataset("list", "test", clips).without([ClipWindow(Path("a"))])
    assert dataset.video_ids == ("b", "c")


def test_paragraphs_keep_the_order_of_sentences():
    clips = [
        CaptionedClip("a", Path("a"), "First."),
        CaptionedClip("b", Path("b"), "Other."),
        CaptionedClip("a", Path("a"), "Then."),
    ]
    assert [clip.caption for clip in in_paragraphs(clips)] == ["First. Then.", "Other."]


def test_the_line_of_a_value_is_found_past_strings_that_look_like_structure():
    text = '{"a": "}],\\"{",\n "b": [1,\n {"c": [],\n "d": 5}]}'
    assert line_of(text) == 1
    assert line_of(text, "b") == 2
    assert line_of(text, "b", 1) == 3
    assert line_of(text, "b", 1, "d") == 4


def test_a_long_didemo_video_gives_a_frame_of_each_of_the_seconds_0_to_31(tmp_path):
    folder = write_didemo(tmp_path / "d", ["a.mp4"], [])
    write_clip(folder / "videos" / "a.mp4", shots([100, 40]), rate=3)
    window = load_dataset(f"didemo:{folder}", split="test").windows[0]
    clip = sample_clip(
        window.path,
        start_s=window.start_s,
        end_s=window.end_s,
        sampling=Sampling(frames=64),
        short_side=96,
        settings=IndexSettings(),
    )
    assert [round(time_s) for time_s in clip.times_s] == list(range(32))
