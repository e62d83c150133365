"""`kinodex train retrieval`: from captioned videos to files that other commands load."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from models.clip.backbone import load_backbone
from models.errors import KinodexError
from models.heads.checkpoints import load_head, read_card
from models.identity import HeadChoice, ModelChoice
from models.training.files import read_history
from tasks.training.sweep import Trial, recommended
from tests.corpus import shots, write_clip
from tests.tasks.training.training_runs import (
    assert_same_weights,
    interrupted_after_two_steps,
    origin,
    train_in_two_processes,
    weights,
)
from ui.cli.main import train_app

CLIPS = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips with two captions each, and one file that is no video."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,caption"]
    for number in range(CLIPS):
        write_clip(folder / f"{number}.mp4", shots([4, 4 + number]))
        lines += [f"{number}.mp4,a clip number {number}", f"{number}.mp4,number {number} again"]
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing more")
    lines.append("broken.mp4,nobody can see this")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder


def train(data: Path, out: Path, *more: object) -> Result:
    arguments = [
        *("retrieval", "--data", data / "pairs.csv", "--out", out, "--cache", data / "cache"),
        *("--model", "bundled", "--device", "cpu", "--batch-size", 4, "--steps", 4),
        *("--blocks", 1, "--frames", 3, "--frame-rate", 2, "--validation-videos", 2, *more),
    ]
    return CliRunner().invoke(train_app, [str(argument) for argument in arguments])


def test_a_head_is_trained_and_loads_with_the_model_it_was_trained_with(data, tmp_path):
    result = train(data, tmp_path)
    assert result.exit_code == 3  # one video could not be read
    assert result.stdout == f"{tmp_path}\n"
    assert "broken.mp4" in result.stderr
    assert "1 video left out, with all captions" in result.stderr
    assert "2 videos of the training split held out to choose the best step by" in result.stderr
    assert "8 training videos, 16 captions" in result.stderr
    backbone = load_backbone(ModelChoice("bundled"), device="cpu")
    loaded = load_head(
        HeadChoice("seqTransf", tmp_path / "head.safetensors"), backbone.identity, backbone.dim
    )
    assert loaded.card is not None
    assert loaded.card.figures.keys() >= {"r1", "r5", "r10"}
    assert len(read_history(tmp_path)) == 4
    assert (tmp_path / "curves.png").stat().st_size > 0
    assert not (tmp_path / "backbone.safetensors").exists()


def test_ctrl_c_saves_and_says_how_to_go_on_and_the_result_is_the_same(data, tmp_path, monkeypatch):
    assert train(data, tmp_path / "whole").exit_code == 3
    with interrupted_after_two_steps(monkeypatch):
        stopped = train(data, tmp_path / "parts")
    assert stopped.exit_code == 130
    assert "stopped after step 2: run the same command again to go on" in stopped.stderr
    again = train(data, tmp_path / "parts")
    assert again.exit_code == 3
    assert "going on after step 2 of 4" in again.stderr
    assert_same_weights(tmp_path / "parts", tmp_path / "whole")


def test_a_run_is_not_lost_where_its_picture_cannot_be_drawn(data, tmp_path, no_matplotlib):
    result = train(data, tmp_path)
    assert result.exit_code == 3, result.output
    assert "curves.png is not drawn: pictures need the package 'matplotlib'" in result.stderr
    assert "pip install 'kinodex[plots]'" in result.stderr
    assert (tmp_path / "head.safetensors").is_file()
    assert not (tmp_path / "curves.png").exists()
    swept = train(data, tmp_path / "sweep", "--sweep", "--sweep-steps", 1)
    assert swept.exit_code == 0, swept.output
    assert len(swept.stdout.splitlines()) == 7
    assert "sweep.png is not drawn" in swept.stderr
    assert "(curve" not in swept.stderr


def test_a_checkpoint_is_known_by_the_same_words_in_all_versions(data, tmp_path):
    assert train(data, tmp_path).exit_code == 3
    found = origin(tmp_path, data)
    assert found.pop("model").startswith("bundled ")
    assert found == {
        "batch_size": "4",
        "captions": "expanded",
        "frame_rate": "2.0",
        "frames": "3",
        "head": "HeadFlags(name='seqTransf', blocks=1, gated=False, standardised=False)",
        "init": "None",
        "spec": "DATA/pairs.csv",
        "training videos": "8",
        "unique_videos": "False",
        "validation videos": "2",
        "validation_videos": "2",
        "videos": "None",
    }


def test_a_trained_text_tower_is_the_start_of_the_next_run(data, tmp_path):
    first = train(data, tmp_path / "first", "--tune", "text", "--head", "seqLSTM", "--json")
    assert json.loads(first.stdout)["folder"] == str(tmp_path / "first")
    assert (tmp_path / "first" / "backbone.safetensors").exists()
    second = train(data, tmp_path / "second", "--init", tmp_path / "first", "--head-rate", 0)
    assert second.exit_code == 3, second.output
    assert "head seqLSTM" in second.stderr
    heads = [load_file(tmp_path / name / "head.safetensors") for name in ("first", "second")]
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_the_text_tower_on_a_processor(data, tmp_path, precision):
    more = ("--tune", "text", "--precision", precision, "--head", "seqLSTM", "--steps", 2)
    result = train(data, tmp_path, *more)
    assert result.exit_code == 3, result.output
    assert all(math.isfinite(record["loss"]) for record in read_history(tmp_path))
    trained = load_file(tmp_path / "backbone.safetensors")
    assert trained["text_projection"].dtype == torch.float32


def test_pixels_train_everything(data, tmp_path):
    result = train(data, tmp_path, "--tune", "all", "--chunk", 2, "--head", "meanP", "--steps", 2)
    assert result.exit_code == 3, result.output
    names = weights(tmp_path)
    assert any(name.startswith("backbone.visual") for name in names)


def test_the_card_tells_how_many_frames_the_longest_video_had(data, tmp_path):
    assert train(data, tmp_path / "first", "--frames", 12).exit_code == 3
    first = read_card(tmp_path / "first" / "head.safetensors")
    assert (first.frames, first.frames_seen) == (12, 2)
    assert train(data, tmp_path / "all", "--frames", 2).exit_code == 3
    assert read_card(tmp_path / "all" / "head.safetensors").frames_seen is None


def test_a_run_that_goes_on_with_more_frames_stretches_what_the_first_learnt(data, tmp_path):
    assert train(data, tmp_path / "first", "--frames", 2).exit_code == 3
    init = ("--init", tmp_path / "first", "--head-rate", 0, "--frame-rate", 0, "--frames", 3)
    assert train(data, tmp_path / "second", *init).exit_code == 3
    tables = [
        load_file(tmp_path / name / "head.safetensors")["transformer.positions"]
        for name in ("first", "second")
    ]
    torch.testing.assert_close(tables[1][0], tables[0][0])
    torch.testing.assert_close(tables[1][1], (tables[0][0] + tables[0][1]) / 2)
    torch.testing.assert_close(tables[1][2], tables[0][1])
    assert torch.equal(tables[1][3:], tables[0][3:])


def test_frames_are_taken_and_shown_as_was_asked_for(data, tmp_path):
    usual = ("--frame-rate", 0, "--steps", 1)
    assert train(data, tmp_path / "usual", *usual).exit_code == 3
    losses = {read_history(tmp_path / "usual")[0]["loss"]}
    for more in (("--slice", "tail"), ("--frame-order", "reverse"), ("--max-words", 4)):
        out = tmp_path / more[1] if isinstance(more[1], str) else tmp_path / "words"
        assert train(data, out, *usual, *more).exit_code == 3
        losses.add(read_history(out)[0]["loss"])
    assert len(losses) == 4
    assert read_card(tmp_path / "tail" / "head.safetensors").choose == "tail"
    assert read_card(tmp_path / "usual" / "head.safetensors").choose == "uniform"
    assert origin(tmp_path / "tail", data)["choose"] == "tail"


def changed(folder: Path) -> set[str]:
    """Which towers of the bundled model have other weights than before."""
    before = load_backbone(ModelChoice("bundled"), device="cpu").model.state_dict()
    after = load_file(folder / "backbone.safetensors")
    moved = [name for name in after if not torch.equal(after[name], before[name])]
    return {"pictures" if name.startswith("visual.") else "text" for name in moved}


def test_the_picture_tower_may_train_alone_and_each_tower_at_a_rate_of_its_own(data, tmp_path):
    usual = ("--steps", 1, "--warmup", 0, "--head", "seqLSTM")
    assert train(data, tmp_path / "one", *usual, "--tune", "pictures").exit_code == 3
    assert changed(tmp_path / "one") - {"text"} == {"pictures"}
    still = load_file(tmp_path / "one" / "backbone.safetensors")["token_embedding.weight"]
    assert torch.equal(
        still, load_backbone(ModelChoice("bundled"), device="cpu").model.token_embedding.weight
    )
    rates = ("--picture-rate", 0, "--weight-decay", 0, "--optimiser", "sgd", "--text-rate", 1)
    assert train(data, tmp_path / "two", *usual, "--tune", "all", *rates).exit_code == 3
    assert changed(tmp_path / "two") == {"text"}
    assert origin(tmp_path / "two", data)["frames"] == "3"


def test_other_optimisers_and_rates_are_another_run(data, tmp_path):
    assert train(data, tmp_path, "--rate-drop", 0.5, "--rate-drop", 0.75).exit_code == 3
    shares = [record["rate_share"] for record in read_history(tmp_path)]
    assert shares == pytest.approx([1, 1, 0.1, 0.01])
    refused = train(data, tmp_path, "--rate-drop", 0.5)
    assert isinstance(refused.exception, KinodexError)
    assert "rate_drops" in str(refused.exception)


def test_a_sweep_prints_a_row_for_every_rate_and_recommends_one(data, tmp_path):
    result = train(data, tmp_path, "--sweep", "--sweep-steps", 2)
    assert result.exit_code == 0, result.output
    rates = [float(line.split("\t")[0]) for line in result.stdout.splitlines()]
    assert rates == [3.2e-6, 1e-5, 3.2e-5, 1e-4, 3.2e-4, 1e-3, 3.2e-3]
    assert "recommended: --head-rate" in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["sweep.png"]


def test_the_recommended_rate_has_the_best_r1_and_of_equals_the_lowest_loss():
    trials = [
        Trial(1e-5, 3.0, 20.0),
        Trial(1e-4, 2.0, 30.0),
        Trial(1e-3, 1.5, 30.0),
        Trial(1e-2, None, None),
    ]
    assert recommended(trials) == trials[2]
    assert recommended(trials[3:]) is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--head", "meanP"), "meanP has nothing to train while the model stays as it is"),
        (("--batch-size", 64), "choose a smaller batch"),
        (("--init", "nowhere.safetensors", "--model", "bundled"), "there is no head file"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(data, tmp_path, more, message):
    result = train(data, tmp_path, *more)
    assert isinstance(result.exception, KinodexError)
    assert message in str(result.exception)


def test_two_processes_of_torchrun_give_what_one_gives(data, tmp_path):
    assert train(data, tmp_path / "one").exit_code == 3
    arguments = [
        *("retrieval", "--data", data / "pairs.csv", "--out", tmp_path / "two"),
        *("--cache", data / "cache", "--model", "bundled", "--device", "cpu"),
        *("--batch-size", 4, "--steps", 4, "--blocks", 1, "--frames", 3, "--frame-rate", 2),
        *("--validation-videos", 2),
    ]
    train_in_two_processes(tmp_path, arguments)
    one, two = (read_history(tmp_path / name) for name in ("one", "two"))
    assert [record["loss"] for record in two] == pytest.approx(
        [record["loss"] for record in one], rel=1e-4
    )
    first, second = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=1e-4, rtol=1e-3)
