"""`kinodex train actions`: from clips with labels to files that other commands load."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from models.clip.backbone import load_backbone
from models.errors import KinodexError
from models.heads.checkpoints import load_action_head, read_card
from models.identity import HeadChoice, ModelChoice
from models.training.files import read_history
from search.catalog.store import Store
from search.tags.corrections import say
from tests.corpus import shots, write_clip
from tests.tasks.training.training_runs import (
    assert_same_weights,
    interrupted_after_two_steps,
    origin,
    train_in_two_processes,
    weights,
)
from tests.tiny import CONFIG, index, tiny_backbone
from ui.cli.main import train_app

LABELS = ("jumping_up", "turning left")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips with a label each, and one file that is no video."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label"]
    for number in range(10):
        write_clip(folder / f"{number}.mp4", shots([4, 4 + number]))
        lines.append(f"{number}.mp4,{LABELS[number % 2]}")
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing more")
    lines.append("broken.mp4,turning left")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder


def words(data: Path, out: Path, *more: object) -> list[str]:
    arguments = [
        *("actions", "--data", data / "clips.csv", "--out", out, "--cache", data / "cache"),
        *("--model", "bundled", "--device", "cpu", "--batch-size", 4, "--steps", 4),
        *("--blocks", 1, "--frames", 3, "--shifts", 3, "--validation-videos", 2, *more),
    ]
    return [str(argument) for argument in arguments]


def train(data: Path, out: Path, *more: object) -> Result:
    return CliRunner().invoke(train_app, words(data, out, *more))


@pytest.mark.parametrize("tune", ["head", "all"])
def test_two_processes_of_torchrun_give_what_one_gives(data, tmp_path, tune):
    how = ("--tune", tune, "--head", "Transf")
    assert train(data, tmp_path / "one", *how).exit_code == 3
    train_in_two_processes(tmp_path, words(data, tmp_path / "two", *how))
    one, two = (read_history(tmp_path / name) for name in ("one", "two"))
    assert len(one) == 4
    assert [record["loss"] for record in two] == pytest.approx(
        [record["loss"] for record in one], rel=1e-4
    )
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=1e-4, rtol=1e-3)


def test_a_head_is_trained_and_loads_with_the_model_and_the_labels_it_was_trained_with(
    data, tmp_path
):
    result = train(data, tmp_path)
    assert result.exit_code == 3, result.output  # one video could not be read
    assert result.stdout == f"{tmp_path}\n"
    assert "broken.mp4" in result.stderr
    assert "1 clip left out:" in result.stderr
    assert "2 videos of the training split held out to choose the best step by" in result.stderr
    assert "head Transf; 8 training clips, 2 labels" in result.stderr
    assert "top-1" in result.stderr
    backbone = load_backbone(ModelChoice("bundled"), device="cpu")
    choice = HeadChoice("Transf", tmp_path / "head.safetensors")
    card = load_action_head(choice, backbone.identity, backbone.dim, labels=LABELS).card
    assert card is not None
    assert card.action is not None
    assert (card.action.labels, card.frames, card.frame_rate) == (LABELS, 3, 0.0)
    assert card.figures.keys() == {"top1", "top5", "mean_per_class"}
    assert len(read_history(tmp_path)) == 4
    assert (tmp_path / "curves.png").stat().st_size > 0
    assert not (tmp_path / "backbone.safetensors").exists()


def test_ctrl_c_saves_and_the_result_is_the_same_after_going_on(data, tmp_path, monkeypatch):
    assert train(data, tmp_path / "whole").exit_code == 3
    with interrupted_after_two_steps(monkeypatch):
        stopped = train(data, tmp_path / "parts")
    assert stopped.exit_code == 130
    again = train(data, tmp_path / "parts")
    assert again.exit_code == 3, again.output
    assert "going on after step 2 of 4" in again.stderr
    assert_same_weights(tmp_path / "parts", tmp_path / "whole")


def test_a_checkpoint_is_known_by_the_same_words_in_all_versions(data, tmp_path):
    assert train(data, tmp_path, "--gated").exit_code == 3
    found = origin(tmp_path, data)
    assert found.pop("model").startswith("bundled ")
    assert found == {
        "augment": "True",
        "batch_size": "4",
        "flip": "None",
        "frames": "3",
        "head": "HeadFlags(name='Transf', blocks=1, gated=True, standardised=False)",
        "init": "None",
        "library": "None",
        "shifts": "3",
        "shots": "None",
        "spec": "DATA/clips.csv",
        "tag_weight": "None",
        "target_temperature": "10.0",
        "templates": "743908fe83b30bde3ed864a2e8a0690e",
        "training clips": "8",
        "validation clips": "2",
        "validation_videos": "2",
        "videos": "None",
        "visual": "plain",
    }


def test_a_head_that_learns_from_centres_says_so_and_the_next_run_goes_on_with_them(data, tmp_path):
    assert train(data, tmp_path / "first", "--crop", "centre").exit_code == 3
    assert origin(tmp_path / "first", data)["crop"] == "centre"
    assert train(data, tmp_path / "second", "--init", tmp_path / "first").exit_code == 3
    cards = [read_card(tmp_path / name / "head.safetensors") for name in ("first", "second")]
    assert [card.action.crop for card in cards] == ["centre", "centre"]
    again = ("--init", tmp_path / "first", "--crop", "whole")
    assert train(data, tmp_path / "third", *again).exit_code == 3
    assert read_card(tmp_path / "third" / "head.safetensors").action.crop == "whole"


def test_a_run_with_another_recipe_does_not_go_on(data, tmp_path):
    assert train(data, tmp_path).exit_code == 3
    result = train(data, tmp_path, "--target-temperature", "inf")
    assert isinstance(result.exception, KinodexError)


def test_a_trained_text_tower_is_the_start_of_the_next_run(data, tmp_path):
    (tmp_path / "templates.txt").write_text("a video of {}\n{}\n")
    first = train(
        data,
        tmp_path / "first",
        *("--tune", "text", "--head", "LSTM", "--steps", 2, "--json"),
        *("--templates", tmp_path / "templates.txt"),
    )
    assert json.loads(first.stdout)["folder"] == str(tmp_path / "first")
    assert (tmp_path / "first" / "backbone.safetensors").exists()
    second = train(data, tmp_path / "second", "--init", tmp_path / "first", "--head-rate", 0)
    assert second.exit_code == 3, second.output
    assert "head LSTM" in second.stderr
    heads = [load_file(tmp_path / name / "head.safetensors") for name in ("first", "second")]
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


@pytest.fixture(scope="module")
def small_vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an architecture that is quick to train."""
    folder = tmp_path_factory.mktemp("architectures")
    (folder / "vit-for-tests.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    return "vit-for-tests"


@pytest.mark.parametrize(
    ("visual", "head"), [("shift", "Conv1D"), ("joint", "MeanP"), ("plain", "MeanP")]
)
def test_pixels_train_everything(data, tmp_path, small_vit, visual, head):
    result = train(
        data,
        tmp_path,
        *("--model", small_vit, "--pretrained", "random", "--tune", "all", "--chunk", 2),
        *("--visual", visual, "--head", head, "--steps", 2),
    )
    assert result.exit_code == 3, result.output
    assert "no clip is mirrored: the labels speak of left and right" in result.stderr
    assert any(name.startswith("backbone.visual") for name in weights(tmp_path))
    stored = load_file(tmp_path / "head.safetensors")
    assert ("visual.temporal_embedding" in stored) == (visual == "joint")
    assert json.loads((tmp_path / "head.json").read_text())["action"]["visual"] == visual


def test_what_is_left_out_by_chance_changes_the_steps_and_nothing_that_is_kept(
    data, tmp_path, small_vit
):
    vit = ("--model", small_vit, "--pretrained", "random", "--tune", "all", "--head", "MeanP")
    how = {"plain": (), "depth": ("--drop-path", 0.5), "numbers": ("--embedding-dropout", 0.5)}
    losses = {}
    for name, more in how.items():
        result = train(data, tmp_path / name, *vit, "--steps", 1, *more)
        assert result.exit_code == 3, result.output
        losses[name] = read_history(tmp_path / name)[0]["loss"]
    assert len(set(losses.values())) == 3
    names = {name: weights(tmp_path / name).keys() for name in how}
    assert names["plain"] == names["depth"] == names["numbers"]


def test_few_shots_take_all_of_them_in_every_step(data, tmp_path):
    result = train(data, tmp_path, "--shots", 1, "--steps", 1)
    # The file that is no video is the first choice: another clip takes its place.
    assert result.exit_code == 3, result.output
    assert "2 training clips, 2 labels" in result.stderr
    assert "that is less than a batch: 2 clips in every step" in result.stderr


def test_a_sweep_prints_a_row_for_every_rate_and_recommends_one(data, tmp_path):
    result = train(data, tmp_path, "--sweep", "--sweep-steps", 1, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row.keys() for row in rows] == [{"learning_rate", "loss", "top1"}] * 7
    assert "recommended: --head-rate" in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["sweep.png"]


def test_clips_where_nothing_holds_are_trained_on_and_measured_by_map(data, tmp_path):
    file = data / "some.csv"
    rows = [f"{number}.mp4,{'' if number < 4 else ';'.join(LABELS)}" for number in range(10)]
    file.write_text("path,label\n" + "\n".join(rows) + "\n")
    result = train(data, tmp_path, "--data", file, "--validation-videos", 3)
    assert result.exit_code == 0, result.output
    assert "without a label teach that none may hold" in result.stderr
    assert "mAP" in result.stderr


@pytest.fixture
def corrected(data, tmp_path) -> Path:
    """A library of which a person has said what holds in its videos."""
    library = Store.open(tmp_path / "library", create=True)
    index(library, data, backbone=tiny_backbone())
    with library.writing() as session:
        for number, segment_id in enumerate(library_segments(session)):
            say(session, segment_id, LABELS[number % 2], holds=True)
            say(session, segment_id, "sleeping", holds=False)
    library.close()
    return tmp_path / "library"


def library_segments(session) -> list[int]:
    from sqlalchemy import select

    from search.catalog.tables import Segment

    return list(session.scalars(select(Segment.id).order_by(Segment.id)))


def test_a_library_s_corrections_are_enough_to_train_on(corrected, data, tmp_path):
    arguments = [
        *("actions", "--from-library", corrected, "--out", tmp_path / "out"),
        *("--cache", data / "cache", "--model", "bundled", "--device", "cpu", "--steps", 1),
        *("--blocks", 1, "--frames", 3, "--shifts", 1, "--validation-videos", 2),
    ]
    result = CliRunner().invoke(train_app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "out" / "head.json").read_text())
    assert card["action"]["labels"] == list(LABELS)
    assert card["dataset"] == "corrections (train)"


def test_corrections_come_on_top_of_other_data(corrected, data, tmp_path):
    result = train(data, tmp_path / "out", "--from-library", corrected, "--steps", 1)
    assert result.exit_code == 3, result.output
    counted = int(result.stderr.split(" training clips")[0].split()[-1])
    assert counted > 10
    assert "2 labels" in result.stderr  # the same ones


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--head", "MeanP"), "MeanP has nothing to train while the model stays as it is"),
        (("--visual", "shift"), "train it too, with --tune all"),
        (("--drop-path", 0.1), "leave out parts of the picture tower: train it too"),
        (("--embedding-dropout", 0.1, "--tune", "text"), "train it too, with --tune all"),
        (("--drop-path", 0.1, "--tune", "all"), "Dropping needs a model whose picture tower"),
        (
            ("--visual", "joint", "--tune", "all", "--head", "LSTM"),
            "there is nothing left for LSTM to fuse: use --head MeanP",
        ),
        (("--init", "nowhere.safetensors"), "there is no head file"),
        (("--templates", "nowhere.txt"), "'nowhere.txt' cannot be read"),
        (("--from-library", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(data, tmp_path, more, message):
    result = train(data, tmp_path, *more)
    assert isinstance(result.exception, KinodexError)
    assert message in str(result.exception)


def test_a_single_label_cannot_be_told_from_anything(data, tmp_path):
    file = data / "one.csv"
    file.write_text("path,label\n" + "".join(f"{number}.mp4,waving\n" for number in range(6)))
    result = train(data, tmp_path, "--data", file)
    assert "has only the label 'waving'" in str(result.exception)


def test_nothing_to_train_on_is_said_in_a_sentence(tmp_path):
    arguments = ["actions", "--out", str(tmp_path), "--model", "bundled", "--device", "cpu"]
    result = CliRunner().invoke(train_app, arguments)
    assert "give --data or --from-library" in str(result.exception)


def test_folders_of_pictures_are_clips_too(tmp_path):
    lines = ["path,label"]
    for number in range(6):
        clip = tmp_path / f"clip{number}"
        clip.mkdir()
        for frame in range(1, 7):
            grey = 40 * number + frame
            Image.new("RGB", (80, 64), (grey, 255 - grey, 90)).save(clip / f"img_{frame:05d}.jpg")
        lines.append(f"clip{number},{LABELS[number % 2]}")
    (tmp_path / "clips.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "cache").mkdir()
    result = train(tmp_path, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "left out" not in result.stderr
    assert len(read_history(tmp_path / "out")) == 4
