"""`kinodex evaluate actions`: what is measured, printed, drawn, written, and refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.clip.backbone import Backbone, load_backbone
from models.heads.card import ActionCard, HeadCard
from models.heads.checkpoints import save_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import BUNDLED, ModelChoice
from tests.calling import call
from tests.corpus import write_clip
from tests.tiny import tiny_backbone

SPRITES = Path(__file__).parents[3] / "smallworld" / "stills" / "sprites"
THINGS = {"1f408": "a cat", "1f415": "a dog", "1f355": "a pizza", "1f418": "an elephant"}
LABELS = tuple(sorted(THINGS.values()))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of each of four things, and one more of the cat that is broken."""
    folder = tmp_path_factory.mktemp("data")
    for code in THINGS:
        write_clip(folder / f"{code}.mp4", [picture_of(code)] * 10)
    (folder / "broken.mp4").write_text("I am no video")
    write_list(folder / "list.csv", [*THINGS.items(), ("broken", "a cat")])
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def evaluate(data, cache, capsys):
    """Runs the command on the data; → exit code, stdout, stderr."""

    def run(*options: object, data: Path = data / "list.csv") -> tuple[int, str, str]:
        words = ["evaluate", "actions", "--data", data, "--model", "bundled", "--device", "cpu"]
        code = call(*words, "--cache", cache, *options)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def picture_of(code: str) -> np.ndarray:
    canvas = Image.new("RGB", (128, 128), (110, 160, 90))
    sprite = Image.open(SPRITES / f"{code}.webp").convert("RGBA").resize((80, 80))
    canvas.paste(sprite, (24, 24), sprite)
    return np.asarray(canvas)


def write_list(file: Path, rows: list[tuple[str, str]]) -> Path:
    lines = [f"{name}.mp4,{label}" for name, label in rows]
    file.write_text("\n".join(["path,label", *lines]) + "\n")
    return file


def save_action_head(
    file: Path,
    *,
    crop: str = "whole",
    labels: tuple[str, ...] = LABELS,
    visual: str = "plain",
    width: int | None = None,
    backbone: Backbone | None = None,
) -> Path:
    """A head with random weights, for the bundled model unless another is given."""
    backbone = backbone or load_backbone(ModelChoice(BUNDLED), device="cpu")
    config = HeadConfig("Conv1D", width or backbone.dim)
    action = ActionCard(labels, visual=visual, crop=crop)
    card = HeadCard(
        config, backbone.identity, None, "nothing", {}, logit_scale=4.6, frames=5, action=action
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        save_head(file, make_head(config), card)
    return file


def words(line: str) -> list[str]:
    return line.split()


def test_every_clip_counts_and_what_cannot_be_decoded_is_wrong(evaluate):
    code, out, err = evaluate()
    assert code == 3  # finished, but a file has failed
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "list.csv, test: 5 clips, 4 labels, 1 not decoded and counted as wrong"
    assert lines[1] == "MeanP, 8 frames, 16 templates"
    assert words(lines[3]) == ["probabilities", "80.0", "80.0", "87.5", "5"]
    assert words(lines[6])[-5:] == ["–", "100.0", "80.0", "–", "5"]
    assert "1 clip not decoded, counted as wrong" in err
    assert "broken.mp4: it is a text, not a video" in err


def test_clips_that_cannot_be_decoded_may_be_left_out(evaluate):
    code, out, err = evaluate("--undecoded", "left-out")
    assert code == 3
    assert out.splitlines()[0].strip().endswith("4 labels, 1 not decoded and left out")
    assert words(out.splitlines()[3]) == ["probabilities", "100.0", "100.0", "100.0", "4"]
    assert "1 clip left out" in err


def test_figures_for_programs_of_both_ways_of_averaging(evaluate):
    found = json.loads(evaluate("--json", "--average", "both")[1])
    assert (found["clips"], found["undecoded"], found["left_out"]) == (5, 1, 0)
    assert (found["head"], found["frames"], found["views"]) == ("MeanP", 8, "1")
    assert found["by_average"]["probabilities"] == found["by_average"]["embeddings"]
    assert found["by_average"]["embeddings"]["mean_per_class"] == 87.5
    assert found["map"] is None
    assert found["tags"]["precision"] == 100.0


def test_what_was_said_of_every_clip_is_written(evaluate, data, tmp_path):
    evaluate("--per-video", tmp_path / "clips.jsonl")
    lines = (tmp_path / "clips.jsonl").read_text().splitlines()
    first, *_, last = (json.loads(line) for line in lines)
    assert len(lines) == 5
    assert (first["path"], first["labels"]) == (str(data / "1f408.mp4"), ["a cat"])
    assert (first["rank"], first["best"][0]["label"]) == (1, "a cat")
    assert [tag["label"] for tag in first["tags"]] == ["a cat"]
    assert last["undecoded"] == "it is a text, not a video"
    assert "best" not in last


def test_the_confusion_matrix_is_drawn(evaluate, tmp_path):
    assert evaluate("--confusion", tmp_path / "c.png")[0] == 3
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"


def test_a_matrix_that_could_not_be_drawn_is_refused_before_anything_is_measured(
    evaluate, tmp_path, no_matplotlib
):
    code, out, err = evaluate("--confusion", tmp_path / "c.png")
    assert (code, out) == (1, "")
    assert "pip install 'kinodex[plots]'" in err


def test_thirty_views_find_the_same_in_clips_that_stand_still(evaluate):
    found = json.loads(evaluate("--json", "--views", "10x3", "--undecoded", "left-out")[1])
    assert found["views"] == "10x3"
    assert found["by_average"]["probabilities"]["top1"] == 100.0


def test_a_head_is_measured_on_what_it_learnt_from_unless_it_is_said(evaluate, tmp_path):
    file = save_action_head(tmp_path / "h.safetensors", crop="centre")

    def title(*options: object) -> str:
        code, out, _ = evaluate("--head", file, *options)
        assert code == 3
        return out.splitlines()[1].strip()

    assert title() == "Conv1D, 5 frames cut to the centre, 16 templates"
    assert title("--crop", "whole") == "Conv1D, 5 frames, 16 templates"
    save_action_head(file)
    assert title() == "Conv1D, 5 frames, 16 templates"
    assert title("--crop", "centre") == "Conv1D, 5 frames cut to the centre, 16 templates"


def test_views_of_three_crops_have_no_other_crop(evaluate):
    code, out, err = evaluate("--views", "10x3", "--crop", "whole")
    assert (code, out) == (1, "")
    assert "10x3 views are made of crops of their own: leave --crop out" in err


def test_clips_of_several_labels_and_of_none_get_average_precision(evaluate, data, tmp_path):
    labels = ["a cat;an animal", "a dog;an animal", "a pizza", ""]
    rows = list(zip(THINGS, labels, strict=True))
    file = write_list(data / "several.csv", rows)
    code, out, _ = evaluate("--json", data=file)
    found = json.loads(out)
    assert code == 0
    assert found["map"] > 90
    assert found["by_average"]["probabilities"]["mean_per_class"] is None
    assert found["tags"]["silent_without_label"] is not None
    code, _, err = evaluate("--confusion", tmp_path / "c.png", data=file)
    assert code == 1
    assert "a confusion matrix needs one label for each clip" in err


def test_a_head_of_other_labels_is_refused_unless_that_is_meant(evaluate, tmp_path):
    file = save_action_head(tmp_path / "h.safetensors", labels=("a cat", "a car"))
    code, out, err = evaluate("--head", file)
    assert (code, out) == (1, "")
    assert "was trained on other labels" in err
    code, out, _ = evaluate("--head", file, "--other-labels")
    assert code == 3
    assert out.splitlines()[1].strip() == "Conv1D, 5 frames, 16 templates"


def test_a_head_of_the_same_labels_is_measured_with_as_many_frames_as_it_learnt_from(
    evaluate, tmp_path
):
    file = save_action_head(tmp_path / "h.safetensors", labels=LABELS)
    assert json.loads(evaluate("--head", file, "--json")[1])["frames"] == 5
    assert json.loads(evaluate("--head", file, "--frames", 3, "--json")[1])["frames"] == 3


def test_a_head_of_another_width_and_one_without_training_are_refused(evaluate, tmp_path):
    code, _, err = evaluate("--head", "Transf")
    assert code == 1
    assert "Transf must be trained" in err
    code, _, err = evaluate("--head", save_action_head(tmp_path / "h.safetensors", width=7))
    assert code == 1
    assert "takes embeddings of width 7" in err


@pytest.mark.parametrize("visual", ["shift", "joint"])
def test_a_picture_tower_that_sees_several_frames_is_measured_on_pixels(
    evaluate, tmp_path, monkeypatch, visual
):
    backbone = tiny_backbone()
    file = save_action_head(tmp_path / "h.safetensors", visual=visual, backbone=backbone)
    monkeypatch.setattr("tasks.evaluation.actions.load_talking", lambda _choice, _device: backbone)
    (tmp_path / "bare.txt").write_text("{}\n")
    words = ("--head", file, "--templates", tmp_path / "bare.txt")
    found = json.loads(evaluate(*words, "--json")[1])
    assert (found["visual"], found["frames"], found["clips"]) == (visual, 5, 5)
    assert f"Conv1D with {visual}, 5 frames, 1 template" in evaluate(*words)[1]
    found = json.loads(evaluate(*words, "--views", "10x3", "--json")[1])
    assert (found["visual"], found["views"], found["clips"]) == (visual, "10x3", 5)


def test_shift_in_a_model_without_patches_is_refused_before_videos_are_read(evaluate, tmp_path):
    file = save_action_head(tmp_path / "h.safetensors", visual="shift")
    code, out, err = evaluate("--head", file, "--cache", tmp_path / "cache")
    assert (code, out) == (1, "")
    assert "Shift needs a model whose picture tower is CLIP's ViT" in err
    assert not (tmp_path / "cache").exists()


def test_templates_of_ones_own_are_used(evaluate, tmp_path):
    (tmp_path / "templates.txt").write_text("look, {}!\n{}\n")
    found = json.loads(evaluate("--json", "--templates", tmp_path / "templates.txt")[1])
    assert found["templates"] == 2
    (tmp_path / "templates.txt").write_text("no place\n")
    code, _, err = evaluate("--templates", tmp_path / "templates.txt")
    assert code == 1
    assert "line 1 of 'templates.txt'" in err


def test_nothing_that_can_be_decoded_is_an_error(evaluate, data):
    file = write_list(data / "broken.csv", [("broken", "a cat")])
    code, out, err = evaluate(data=file)
    assert (code, out) == (1, "")
    assert "none of the videos of broken.csv can be decoded" in err
