"""Lists of actions in the forms in which they are published, right and wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from indexer.datasets.actions.corrected import load_corrections
from indexer.datasets.actions.loading import load_action_training, load_actions
from indexer.datasets.clips import ClipWindow, DatasetError
from indexer.datasets.labelled import LabelledClip, LabelledDataset, few_shot, joined
from search.catalog.store import Store
from tests.indexer import action_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return action_files.write_all(tmp_path)


def named(dataset: LabelledDataset) -> list[tuple[str, list[str]]]:
    """Each clip with the names of its labels."""
    return [(clip.video_id, [dataset.labels[at] for at in clip.labels]) for clip in dataset.clips]


def test_kinetics_takes_cut_clips_and_windows_of_whole_uploads(folder):
    dataset = load_actions(f"kinetics:{folder / 'kinetics'}", split="train")
    videos = folder / "kinetics" / "train"
    assert dataset.windows[:2] == (
        ClipWindow(videos / "testifying" / "---QUuC4vJs_000084_000094.mp4"),
        ClipWindow(videos / "--3ouPhoy2A.mkv", 20.0, 30.0),
    )
    assert named(dataset)[2] == ("--4-0ihtnBU_000058_000068", ["dribbling basketball"])
    assert dataset.clips[0].group == "---QUuC4vJs"


def test_kinetics_labels_are_the_same_for_every_split(folder):
    spec = f"kinetics:{folder / 'kinetics'}"
    labels = ("dribbling basketball", "eating spaghetti", "javelin throw", "testifying")
    assert load_actions(spec, split="train").labels == labels
    assert load_actions(spec, split="val").labels == labels
    reordered = "id,name\n0,testifying\n" + "".join(
        f"{number},{name}\n" for number, name in enumerate(labels[:3], start=1)
    )
    (folder / "kinetics" / "kinetics_400_labels.csv").write_text(reordered)
    assert load_actions(spec, split="val").labels == ("testifying", *labels[:3])


def test_kinetics_may_be_one_file(folder):
    file = folder / "kinetics" / "both.csv"
    more = action_files.KINETICS_VALIDATE.split("\n", 1)[1]
    file.write_text(action_files.KINETICS_TRAIN + more)
    dataset = load_actions(f"kinetics:{file}", split="val")
    assert [labels for _, labels in named(dataset)] == [["javelin throw"], ["testifying"]]
    assert len(load_actions(f"kinetics:{file}", split="train+val")) == 5


def test_ucf101_reads_its_lists(folder):
    dataset = load_actions(f"ucf101:{folder / 'ucf101'}", split="test")
    assert dataset.labels == ("ApplyEyeMakeup", "ApplyLipstick", "YoYo")
    assert named(dataset) == [
        ("v_ApplyEyeMakeup_g01_c01", ["ApplyEyeMakeup"]),
        ("v_YoYo_g01_c01", ["YoYo"]),
    ]
    assert dataset.windows[1].path.is_file()


def test_ucf101_can_be_parted_in_another_way(folder):
    dataset = load_actions(f"ucf101-2:{folder / 'ucf101'}", split="test")
    assert named(dataset) == [("v_ApplyLipstick_g08_c01", ["ApplyLipstick"])]
    with pytest.raises(DatasetError, match=r"there is no testlist03\.txt"):
        load_actions(f"ucf101-3:{folder / 'ucf101'}", split="test")


def test_hmdb51_reads_a_file_for_each_action(folder):
    dataset = load_actions(f"hmdb51:{folder / 'hmdb51'}", split="train")
    assert dataset.labels == ("brush_hair", "turn")
    assert named(dataset) == [
        ("April_09_brush_hair_u_nm_np1_ba_goo_0", ["brush_hair"]),
        ("April_09_brush_hair_u_nm_np1_ba_goo_1", ["brush_hair"]),
        ("#20_Rhythm_turn_f_nm_np1_le_bad_2", ["turn"]),
    ]
    assert [clip.group for clip in dataset.clips] == ["April_09", "April_09", "#20_Rhythm"]
    test = load_actions(f"hmdb51-1:{folder / 'hmdb51'}", split="test")
    assert [labels for _, labels in named(test)] == [["brush_hair"], ["turn"]]


def test_something_something_labels_are_templates_without_brackets(folder):
    dataset = load_actions(f"ssv2:{folder / 'ssv2'}", split="train")
    assert named(dataset) == [
        ("78687", ["Holding something next to something"]),
        ("42326", ["Pushing something from left to right"]),
    ]
    test = load_actions(f"ssv2:{folder / 'ssv2'}", split="test")
    assert named(test) == [("74225", ["Approaching something with your camera"])]


def test_charades_videos_have_all_their_labels(folder):
    dataset = load_actions(f"charades:{folder / 'charades'}", split="train")
    assert dataset.targets.tolist() == [[True, True, True], [False] * 3, [True, True, False]]
    assert [clip.group for clip in dataset.clips] == ["HR43", "HR43", "0KZ7"]
    assert dataset.windows[0] == ClipWindow(folder / "charades" / "Charades_v1_480" / "46GP8.mp4")


def test_charades_moments_have_the_labels_that_hold_for_half_of_them(folder):
    dataset = load_actions(f"charades-moments:{folder / 'charades'}", split="train")
    assert named(dataset) == [
        ("46GP8@11.9-21.2", ["Putting clothes somewhere", "Watching television"]),
        ("46GP8@0-12.6", ["Holding some clothes"]),
        ("46GP8@10.9-21.4", ["Putting clothes somewhere", "Watching television"]),
        ("N11GT@0-4", ["Putting clothes somewhere"]),
    ]


def test_a_list_of_ones_own_as_csv(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "clips.csv").write_text(
        "label,path,start,end,mood\nwaving; Jumping,a.mp4,3,8.5,good\nrolling,a.mp4,3,8.5,\n"
        "waving,b.mp4,,,\n,c.mp4,,,\n",
        encoding="utf-8-sig",
    )
    dataset = load_actions(str(tmp_path / "clips.csv"), split="test")
    assert dataset.labels == ("Jumping", "rolling", "waving")
    assert [(clip.video_id, clip.labels, clip.window) for clip in dataset.clips] == [
        ("a.mp4@3-8.5", (0, 1, 2), ClipWindow(tmp_path / "a.mp4", 3.0, 8.5)),
        ("b.mp4", (2,), ClipWindow(tmp_path / "b.mp4")),
        ("c.mp4", (), ClipWindow(tmp_path / "c.mp4")),
    ]


def test_a_list_of_ones_own_as_jsonl_with_splits(tmp_path):
    (tmp_path / "a.mp4").touch()
    lines = [
        {"path": "a.mp4", "label": "one", "split": "train"},
        {"path": "a.mp4", "label": ["two", "three; or so"], "split": "test", "start": 2},
    ]
    file = tmp_path / "clips.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    dataset = load_actions(str(file), split="test")
    # A label that only the training has is among the labels all the same.
    assert dataset.labels == ("one", "three; or so", "two")
    assert named(dataset) == [("a.mp4@2-", ["three; or so", "two"])]


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("kinetics/train.csv", "label,", "name,", "line 1: there is no column 'label'"),
        ("kinetics/train.csv", "20,30", "20,soon", "line 3: time_start and time_end should be nu"),
        ("kinetics/train.csv", "20,30", "30,20", "line 3: a clip from 30 s to 20 s is none"),
        ("kinetics/train.csv", "testifying,", ",", "line 2: the label is missing"),
        ("ucf101/classInd.txt", "2 Apply", "4 Apply", "line 2: '4 ApplyLipstick' where '2 NAME'"),
        ("ucf101/trainlist01.txt", "YoYo/", "Yoyo/", "line 4: 'Yoyo' is no label of classInd.txt"),
        ("ucf101/trainlist01.txt", "avi 3", "avi 2", "line 4: 'YoYo' is number 3 .* not 2"),
        (
            "hmdb51/testTrainMulti_7030_splits/turn_test_split1.txt",
            "avi 1",
            "avi 3",
            "line 2: '.*' is not a clip and 0, 1 or 2",
        ),
        ("ssv2/something-something-v2-train.json", '"id":"42326"', '"id":7', "line 3: 'id' is mis"),
        ("ssv2/something-something-v2-train.json", "Holding [", "Kissing [", "line 2: 'Kissing so"),
        ("ssv2/something-something-v2-labels.json", '"2"', '"1"', "line 4: '1' is no number that"),
        ("ssv2/something-something-v2-labels.json", '"2"', '"3"', "line 4: '3' is no number that"),
        ("ssv2/something-something-v2-labels.json", '"2"', '"-1"', "line 4: '-1' is no number t"),
        ("ssv2/something-something-v2-labels.json", '"2"', '"x"', "line 4: 'x' is no number tha"),
        ("ssv2/something-something-v2-labels.json", '"0"', '"x"', "line 2: 'x' is no number tha"),
        ("charades/Charades_v1_classes.txt", "c001 P", "c000 P", "line 2: '.*' is not a new code"),
        ("charades/Charades_v1_train.csv", "c092 11", "c093 11", "line 2: 'c093' is no code"),
        ("charades/Charades_v1_train.csv", "0.00 4.00", "0.00", "line 5: 'c001 0.00' is not a c"),
    ],
)
def test_what_is_wrong_with_a_published_file_is_said_with_its_line(
    folder, file, old, new, complaint
):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    name = file.split("/")[0]
    with pytest.raises(DatasetError, match=f"{Path(file).name}, {complaint}"):
        load_actions(f"{name}:{folder / name}", split="train")


def test_a_label_outside_the_label_list_is_an_error(folder):
    (folder / "kinetics" / "kinetics_400_labels.csv").write_text("id,name\n0,testifying\n")
    with pytest.raises(
        DatasetError, match=r"train\.csv, line 3: 'eating spaghetti' is no label of"
    ):
        load_actions(f"kinetics:{folder / 'kinetics'}", split="train")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,caption\na.mp4,x\n", "line 1: there is no column 'label'"),
        ("path,label,start,end\na.mp4,x,5,5\n", "line 2: the clip ends at 5 s, not after"),
        ("path,label\n,x\n", "line 2: the path is missing"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_its_line(tmp_path, content, complaint):
    (tmp_path / "clips.csv").write_text(content)
    with pytest.raises(DatasetError, match=rf"clips\.csv, {complaint}"):
        load_actions(str(tmp_path / "clips.csv"), split="test")


@pytest.mark.parametrize("record", ['{"path": "a.mp4"}', '{"path": "a.mp4", "label": [1]}'])
def test_a_record_without_its_label_is_told_from_one_where_nothing_holds(tmp_path, record):
    (tmp_path / "clips.jsonl").write_text(record)
    with pytest.raises(DatasetError, match=r"clips\.jsonl, line 1: the label is missing"):
        load_actions(str(tmp_path / "clips.jsonl"), split="test")


def test_an_unknown_data_set_is_answered_with_those_there_are():
    with pytest.raises(DatasetError, match="NAME one of kinetics, ucf101, ucf101-1"):
        load_actions("ucf:folder", split="test")


def test_training_holds_groups_out_whole(tmp_path):
    (tmp_path / "0-0.mp4").touch()
    rows = "".join(
        f"{video}-{clip}.mp4,label {video % 2},{video}\n"
        for video in range(20)
        for clip in range(3)
    )
    (tmp_path / "clips.csv").write_text(f"path,label,group\n{rows}")
    training, validation = load_action_training(str(tmp_path / "clips.csv"))
    assert (len(training), len(validation), validation.split) == (48, 12, "held out")
    groups = [{clip.group for clip in part.clips} for part in (training, validation)]
    assert not groups[0] & groups[1]
    assert load_action_training(str(tmp_path / "clips.csv")) == (training, validation)


def test_what_is_held_out_does_not_depend_on_where_the_list_lies(tmp_path):
    lines = ["path,label", *(f"{number}.mp4,{'ab'[number % 2]}" for number in range(40))]
    held = []
    for name in ("here", "there", "anywhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.mp4").touch()
        (tmp_path / name / "clips.csv").write_text("\n".join(lines))
        dataset = load_actions(str(tmp_path / name / "clips.csv"), split="train")
        held.append([clip.video_id for clip in dataset.held_out(8)[1].clips])
    assert held[0] == held[1] == held[2]
    assert len(held[0]) == 8


def test_the_last_clips_of_a_label_are_not_held_out():
    clips = tuple(LabelledClip(f"v{at}", Path(f"v{at}"), (at // 2,)) for at in range(8))
    kept, held = LabelledDataset("list", "train", ("a", "b", "c", "d"), clips).held_out(6)
    assert len(held) == 4
    assert kept.targets.any(0).tolist() == [True] * 4


def test_clips_without_a_label_are_held_out_by_their_share():
    clips = [LabelledClip(f"v{at}", Path(f"v{at}"), (0,) if at < 10 else ()) for at in range(30)]
    kept, held = LabelledDataset("list", "train", ("a",), tuple(clips)).held_out(6)
    assert (held.targets.sum(), len(held)) == (2, 6)
    assert (kept.targets.sum(), len(kept)) == (8, 24)


def test_too_few_clips_to_hold_some_out_are_an_error(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "clips.csv").write_text("path,label\na.mp4,x\nb.mp4,y\n")
    with pytest.raises(DatasetError, match="labels need clips from two different videos"):
        load_action_training(str(tmp_path / "clips.csv"))


def test_the_validation_split_is_used_where_there_is_one(folder):
    training, validation = load_action_training(f"kinetics:{folder / 'kinetics'}")
    assert (training.split, validation.split) == ("train", "val")


def dataset_of(labels: list[tuple[int, ...]]) -> LabelledDataset:
    clips = [LabelledClip(f"v{at}", Path(f"v{at}"), held) for at, held in enumerate(labels)]
    return LabelledDataset("list", "train", ("a", "b", "c"), tuple(clips))


def test_few_shots_take_so_many_clips_of_each_label_by_the_seed():
    dataset = dataset_of([(at % 3,) for at in range(30)])
    few = few_shot(dataset, 4, seed=1)
    assert np.count_nonzero(few.targets, axis=0).tolist() == [4, 4, 4]
    assert few == few_shot(dataset, 4, seed=1)
    assert few != few_shot(dataset, 4, seed=2)
    positions = [dataset.clips.index(clip) for clip in few.clips]
    assert positions == sorted(positions)


def test_few_shots_give_all_of_a_rare_label_and_some_without_label():
    few = few_shot(dataset_of([(0,)] * 5 + [(1,)] + [()] * 5), 2, seed=0)
    assert [clip.labels for clip in few.clips] == [(0,), (0,), (1,), (), ()]


def test_few_shots_of_none_are_an_error():
    with pytest.raises(DatasetError, match="use at least 1"):
        few_shot(dataset_of([(0,)]), 0, seed=0)


def test_clips_that_cannot_be_decoded_are_left_out():
    left = dataset_of([(0,), (1,), ()]).without([ClipWindow(Path("v1"))])
    assert [clip.video_id for clip in left.clips] == ["v0", "v2"]


def test_labels_that_read_the_same_are_one_when_data_sets_are_joined():
    first = LabelledDataset("lists", "train", ("YoYo", "waving"), dataset_of([(0,), (1,)]).clips)
    second = LabelledDataset(
        "corrections", "train", ("sleeping", "yo yo"), dataset_of([(0, 1), ()]).clips
    )
    together = joined(first, second)
    assert together.labels == ("YoYo", "waving", "sleeping")
    assert [clip.labels for clip in together.clips] == [(0,), (1,), (0, 2), ()]


def test_a_library_without_corrections_is_answered_with_the_way_to_make_some(tmp_path):
    Store.open(tmp_path, create=True).close()
    with pytest.raises(DatasetError, match="say it with 'kinodex tag --correct SEGMENT LABEL'"):
        load_corrections(tmp_path)


def test_moments_have_the_labels_that_hold_for_exactly_half_of_them_or_more(folder):
    file = folder / "charades" / "Charades_v1_train.csv"
    lines = file.read_text().splitlines()
    row = "46GP8,HR43,Kitchen,6,7,Yes,script,food,Cooking.,{},30.58"
    actions = "c000 0 4;c001 2 9;c092 2.01 9;c092 -1 2;c001 5 5;c000 7 6"
    file.write_text("\n".join([lines[0], row.format(actions)]))
    dataset = load_actions(f"charades-moments:{folder / 'charades'}", split="train")
    found = {(clip.start_s, clip.end_s): clip.labels for clip in dataset.clips}
    assert found == {(0, 4): (0, 1, 2), (2, 9): (1, 2), (2.01, 9): (1, 2), (0, 2): (0, 2)}
    assert [clip.group for clip in dataset.clips] == ["HR43"] * 4


def test_about_five_hundred_clips_are_held_out_or_a_fifth_where_there_are_few(tmp_path):
    (tmp_path / "0.mp4").touch()

    def held(clips: int, **asked: int) -> int:
        rows = "".join(f"{n}.mp4,label {n % 2}\n" for n in range(clips))
        (tmp_path / "clips.csv").write_text(f"path,label\n{rows}")
        return len(load_action_training(str(tmp_path / "clips.csv"), **asked)[1])

    assert [held(9), held(10), held(2600)] == [1, 2, 500]
    assert held(100, validation_clips=7) == 7


def test_nothing_to_train_on_is_answered_with_what_there_could_be():
    with pytest.raises(DatasetError, match="give --data or --from-library"):
        load_action_training(None)


def test_a_list_without_any_label_is_an_error(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "clips.csv").write_text("path,label\na.mp4,\n")
    with pytest.raises(DatasetError, match="names no label"):
        load_actions(str(tmp_path / "clips.csv"), split="test")


def test_a_group_of_exactly_the_room_that_is_left_is_held_out():
    clips = tuple(
        LabelledClip(f"v{at}", Path(f"v{at}"), (0,), group=f"g{at // 2}") for at in range(8)
    )
    dataset = LabelledDataset("list", "train", ("a",), clips)
    assert [len(dataset.held_out(room)[1]) for room in (0, 1, 2, 3, 4, 99)] == [0, 0, 2, 2, 4, 6]


def test_once_or_more_is_asked_of_few_shots():
    assert len(few_shot(dataset_of([(0,), (0,)]), 1, seed=0)) == 1


def test_a_folder_of_a_data_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no folder '.*gone' with the files of ssv2"):
        load_actions(f"ssv2:{tmp_path / 'gone'}", split="test")
