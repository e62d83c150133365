"""`kinodex evaluate retrieval`: what is measured, printed, written, and left out."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.datasets.captions.loading import usual_count
from indexer.datasets.clips import Dataset
from models.clip.backbone import Backbone, load_backbone
from models.errors import KinodexError
from models.heads.card import HeadCard
from models.heads.checkpoints import save_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import BUNDLED, ModelChoice
from tasks.evaluation import retrieval
from tasks.evaluation.action_report import write_clips
from tasks.evaluation.retrieval import RetrievalRequest
from tasks.evaluation.retrieval_report import write_queries
from tasks.terminal.model_flags import ModelFlags
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


def test_each_head_scores_clips_of_several_shots_in_its_own_way(evaluate, tmp_path):
    def best(head: str) -> list[dict[str, object]]:
        evaluate("--head", head, "--per-query", tmp_path / "queries.jsonl")
        return json.loads((tmp_path / "queries.jsonl").read_text().splitlines()[0])["best"]

    assert best("meanP") != best("query-aware")


def test_scores_are_normalised_by_the_models_own_scale_but_a_query_bank_by_twenty_at_most(
    evaluate, tmp_path, monkeypatch
):
    scales: list[float] = []

    def noting(function):
        def noted(*scores: object, scale: float):
            scales.append(scale)
            return function(*scores, scale=scale)

        return noted

    for name in ("dual_softmax", "query_bank_normalised"):
        monkeypatch.setattr(retrieval, name, noting(getattr(retrieval, name)))
    (tmp_path / "bank.txt").write_text("a thing\n")
    evaluate("--dual-softmax", "--query-bank", tmp_path / "bank.txt")
    backbone = load_backbone(ModelChoice(BUNDLED), device="cpu")
    assert scales == [pytest.approx(math.exp(backbone.logit_scale)), 20.0]
    assert scales[0] > 20
    scales.clear()
    file = tmp_path / "tight.safetensors"
    config = HeadConfig("tightTransf", backbone.dim, blocks=1, attention_heads=2, positions=16)
    card = HeadCard(config, backbone.identity, None, "nothing", {}, logit_scale=2.0, frames=4)
    save_head(file, make_head(config), card)
    evaluate("--head", file, "--dual-softmax", "--query-bank", tmp_path / "bank.txt")
    assert scales == [1.0, 1.0]
    scales.clear()
    evaluate("--head", _loose_head(tmp_path / "loose.safetensors", backbone), "--dual-softmax")
    assert scales == [pytest.approx(math.exp(2.0))]


def _loose_head(file: Path, backbone: Backbone) -> Path:
    config = HeadConfig("seqTransf", backbone.dim, blocks=1, attention_heads=2, positions=16)
    card = HeadCard(config, backbone.identity, None, "nothing", {}, logit_scale=2.0, frames=4)
    save_head(file, make_head(config), card)
    return file


@pytest.mark.parametrize(
    ("captions", "taken"), [(5000, 5000), (5001, 2501), (10_000, 5000), (10_001, 3334)]
)
def test_of_a_large_query_bank_captions_are_taken_evenly(captions, taken, tmp_path):
    file = tmp_path / "bank.txt"
    file.write_text("\n".join(f"caption {n}" for n in [0, *range(captions)]))
    request = RetrievalRequest("x.csv", None, "test", ModelFlags(), query_bank=str(file))
    bank = retrieval._bank_captions(request, Dataset("x", "test", ()))
    step = -(-captions // 5000)
    assert (len(bank), bank[:2]) == (taken, ["caption 0", f"caption {step}"])


def test_a_query_bank_without_captions_is_refused(evaluate, tmp_path):
    (tmp_path / "bank.txt").write_text("\n\n")
    code, _, err = evaluate("--query-bank", tmp_path / "bank.txt")
    assert code == 1
    assert "there is no caption in the query bank" in err


def test_videos_of_which_none_can_be_decoded_are_an_error(evaluate, tmp_path):
    (tmp_path / "a.mp4").write_text("I am no video")
    (tmp_path / "pairs.csv").write_text("path,caption\na.mp4,a cat\n")
    code, out, err = evaluate("--data", tmp_path / "pairs.csv")
    assert (code, out) == (1, "")
    assert "1 video left out, with all captions" in err
    assert "none of the videos of pairs.csv can be decoded" in err


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
    asked = sampled("asked", "--head", "seqTransf", "--frame-rate", 2, "--frames", 3)
    assert asked == {"frames": 3, "rate": 2.0, "choose": "uniform"}
    assert sampled("all", "--frame-rate", 0)["rate"] == 0.0
    assert sampled("without a card") == {"frames": 12, "rate": 1.0, "choose": "uniform"}


def test_seconds_are_counted_as_in_papers_for_what_they_published(evaluate, tmp_path):
    def sampled(name: str, *options: object) -> dict[str, object]:
        evaluate("--cache", tmp_path / name, *options)
        [about] = (tmp_path / name).glob("*/about.json")
        return json.loads(about.read_text())["sampling"]

    assert "by" not in sampled("own")
    assert sampled("asked", "--count", "frames")["by"] == "frames"
    assert usual_count("pairs.csv") == "time"
    assert usual_count("didemo:somewhere") == "frames"


def test_a_list_that_cannot_be_written_is_one_sentence(tmp_path):
    for write in (write_queries, write_clips):
        with pytest.raises(KinodexError, match=r"list\.jsonl' cannot be written \(No such file"):
            write(tmp_path / "gone" / "list.jsonl", None)


def test_a_mean_knows_no_order_of_frames_and_a_transformer_does(evaluate, tmp_path):
    def ranked(head: str, *options: object) -> str:
        file = tmp_path / "queries.jsonl"
        assert evaluate("--head", head, "--frame-rate", 0, "--per-query", file, *options)[0] == 3
        return file.read_text()

    backwards = ("--frame-order", "reverse")
    assert ranked("seqTransf", *backwards) != ranked("seqTransf")
    lines = [
        [json.loads(line)["best"][0]["score"] for line in ranked("meanP", *order).splitlines()]
        for order in ((), backwards, ("--frame-order", "random"))
    ]
    assert lines[1] == pytest.approx(lines[0], abs=1e-4)
    assert lines[2] == pytest.approx(lines[0], abs=1e-4)


def test_captions_may_be_read_in_part_and_frames_taken_from_one_end(evaluate):
    whole, cut, same = (
        evaluate("--json", "--frame-rate", 0, *more)[1]
        for more in ((), ("--max-words", 3), ("--max-words", 30))
    )
    assert same == whole
    # Nothing is read but the beginning and the end: every caption is the same, so all tie.
    assert json.loads(cut.splitlines()[0])["r1"] <= 100 / 3 + 0.1
    assert evaluate("--slice", "tail", "--frames", 2, "--frame-rate", 0)[0] == 3
