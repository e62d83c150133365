"""`kinodex evaluate retrieval`: what is measured, printed, written, and left out."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from tasks.evaluation.action_report import write_clips
from tasks.evaluation.retrieval_report import write_queries
from tests.calling import call
from tests.corpus import shots, write_clip

SPRITES = Path(__file__).parents[3] / "smallworld" / "stills" / "sprites"
CAPTIONS = ("a red car", "a blue bird", "a dog at night", "a yellow ball")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos with a caption each in the split test, one of them broken; two to train."""
    folder = tmp_path_factory.mktemp("data")
    rows = ["path,caption,split"]
    for number, caption in enumerate(CAPTIONS):
        if number < 3:
            write_clip(folder / f"{number}.mp4", shots([5] * (number + 1)))
        rows.append(f"{number}.mp4,{caption},test")
    (folder / "3.mp4").write_text("I am no video")
    for number in (5, 6):
        write_clip(folder / f"{number}.mp4", shots([5]))
        rows.append(f"{number}.mp4,something of {number},train")
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def evaluate(data, cache, capsys):
    """Runs the command on the data; → exit code, stdout, stderr."""

    def run(*options: object) -> tuple[int, str, str]:
        words = ["evaluate", "retrieval", "--data", data / "pairs.csv", "--model", "bundled"]
        words += ["--device", "cpu", "--cache", cache, "--head", "meanP", *options]
        code = call(*words)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_table_with_both_directions_and_what_was_left_out(evaluate):
    code, out, err = evaluate()
    assert code == 3  # finished, but a file has failed
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "pairs.csv, test: 3 captions of 3 videos, 1 video left out"
    assert " ".join(lines[1].split()) == "scores direction R@1 R@5 R@10 R@50 median mean queries"
    assert [line.split()[:4] for line in lines[2:]] == [
        ["plain", "text", "→", "video"],
        ["plain", "video", "→", "text"],
    ]
    assert all(line.split()[-1] == "3" for line in lines[2:])
    assert "1 video left out" in err
    assert "3.mp4: it is a text, not a video" in err


def test_other_scores_come_in_rows_of_their_own_and_leave_the_plain_ones_alone(evaluate, tmp_path):
    plain = [json.loads(line) for line in evaluate("--json")[1].splitlines()]
    (tmp_path / "bank.txt").write_text("a thing\nanother thing\n")
    out = evaluate("--json", "--dual-softmax", "--query-bank", tmp_path / "bank.txt")[1]
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[:2] == plain
    assert [(row["scores"], row["direction"]) for row in rows] == [
        ("plain", "text → video"),
        ("plain", "video → text"),
        ("dual softmax", "text → video"),
        ("dual softmax", "video → text"),
        ("query bank", "text → video"),
    ]
    assert (rows[0]["count"], rows[0]["videos_left_out"], rows[0]["r5"]) == (3, 1, 100.0)


def test_a_query_bank_of_another_split_is_taken_and_one_of_the_same_refused(evaluate):
    assert evaluate("--query-bank", "train")[0] == 3
    code, out, err = evaluate("--query-bank", "train+test")
    assert (code, out) == (1, "")
    assert "holds captions of videos that are measured" in err


def test_the_rank_of_every_query_is_written(evaluate, data, tmp_path):
    file = tmp_path / "queries.jsonl"
    out = evaluate("--json", "--per-query", file)[1]
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == 6
    first = records[0]
    assert (first["caption"], first["path"]) == ("a red car", str(data / "0.mp4"))
    assert len(first["best"]) == 3
    position = [found["video_id"] for found in first["best"]].index("0.mp4")
    assert first["rank"] == position + 1
    ranks = [record["rank"] for record in records if record["direction"] == "video → text"]
    assert json.loads(out.splitlines()[1])["mean_rank"] == pytest.approx(sum(ranks) / 3)


def test_the_query_aware_head_needs_no_training(evaluate):
    code, out, _ = evaluate("--head", "query-aware", "--dual-softmax")
    assert code == 3
    assert "dual softmax" in out


def test_nothing_is_decoded_twice(evaluate, data):
    evaluate()
    videos = {file: file.read_bytes() for file in data.glob("*.mp4")}
    times = {file: file.stat() for file in videos}
    before = evaluate("--json")[1]
    try:
        for file, content in videos.items():
            file.write_bytes(bytes(len(content)))
            os.utime(file, ns=(times[file].st_atime_ns, times[file].st_mtime_ns))
        assert evaluate("--json")[1] == before
    finally:
        for file, content in videos.items():
            file.write_bytes(content)


def test_videos_that_are_not_there_are_asked_for(evaluate, tmp_path):
    code, _, err = evaluate("--videos", tmp_path)
    assert code == 1
    assert "none of the 4 videos" in err
    assert "--videos" in err


THINGS = {
    "1f408": "a cat",
    "1f415": "a dog",
    "1f355": "a pizza",
    "1f418": "an elephant",
    "1f40e": "a horse",
    "1f680": "a rocket",
    "1f68c": "a bus",
    "1f427": "a penguin",
    "1f981": "a lion",
    "1f34c": "a banana",
}


def test_the_bundled_model_finds_what_it_knows_without_training(evaluate, tmp_path):
    lines = []
    for code, caption in THINGS.items():
        write_clip(tmp_path / f"{code}.mp4", [_picture_of(code)] * 5)
        lines.append(json.dumps({"path": f"{code}.mp4", "caption": caption}))
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    code, out, _ = evaluate("--data", tmp_path / "pairs.jsonl", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[0])["r1"] > 50  # by chance 10


def _picture_of(code: str) -> np.ndarray:
    canvas = Image.new("RGB", (128, 128), (110, 160, 90))
    sprite = Image.open(SPRITES / f"{code}.webp").convert("RGBA").resize((80, 80))
    canvas.paste(sprite, (24, 24), sprite)
    return np.asarray(canvas)


def test_frames_are_taken_as_in_the_training_of_the_head_unless_said_otherwise(evaluate, tmp_path):
    def sampled(name: str, *options: object) -> dict[str, object]:
        evaluate("--cache", tmp_path / name, *options)
        [about] = (tmp_path / name).glob("*/about.json")
        return json.loads(about.read_text())["sampling"]

    assert sampled("own", "--head", "seqTransf") == {"frames": 12, "rate": 0.0, "choose": "uniform"}
    assert sampled("asked", "--head", "seqTransf", "--frame-rate", 2)["rate"] == 2.0
    assert sampled("without a card")["rate"] == 1.0


def test_a_list_that_cannot_be_written_is_one_sentence(tmp_path):
    for write in (write_queries, write_clips):
        with pytest.raises(KinodexError, match=r"list\.jsonl' cannot be written \(No such file"):
            write(tmp_path / "gone" / "list.jsonl", None)
