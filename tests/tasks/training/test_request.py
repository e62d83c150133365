"""What a run is asked for, and what it begins with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from indexer.datasets.labelled import LabelledDataset
from models.clip.sources import LoadedModel
from models.errors import KinodexError
from models.heads.card import ActionCard, HeadCard
from models.heads.checkpoints import save_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import BUNDLED, ModelChoice
from models.training.loop import TrainingSettings
from tasks.terminal.model_flags import ModelFlags
from tasks.training import actions, starting_model
from tasks.training.actions import usual_action_head, usual_visual
from tasks.training.request import (
    ActionFlags,
    HeadFlags,
    RetrievalFlags,
    StartFlags,
    TrainingRequest,
)
from tasks.training.retrieval import usual_head
from tasks.training.starting_model import StartingModel, fit_inputs
from tests.tiny import tiny_backbone

RETRIEVAL = RetrievalFlags("a.csv", None, Path("c"), 3, 2.0, 4, "expanded", False, 5)
ACTIONS = ActionFlags(
    "a.csv", None, None, Path("c"), 3, 2, 4, None, 5, True, None, None, 10.0, None, "plain"
)
HEAD = HeadFlags("Transf", 2, gated=True, standardised=False)


def head_file(
    folder: Path,
    name: str,
    *,
    model: str = BUNDLED,
    pretrained: str | None = None,
    action: ActionCard | None = None,
) -> Path:
    """A folder with a head of this kind, trained with this model."""
    encoder = replace(tiny_backbone().identity, model=model)
    config = HeadConfig(name, 24, blocks=1, attention_heads=2, positions=16)
    card = HeadCard(
        config, encoder, pretrained, "nothing", {}, logit_scale=2.5, frames=4, action=action
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_head(folder / "head.safetensors", make_head(config), card)
    return folder


def start(init: Path | None = None, **model: str) -> StartFlags:
    return StartFlags(ModelFlags(device="cpu", **model), init)  # type: ignore[arg-type]


def test_a_run_begins_with_the_head_in_a_folder_or_with_the_file_itself(tmp_path):
    folder = head_file(tmp_path / "run", "seqTransf")
    assert start().head_file() is None
    assert start(folder).head_file() == folder / "head.safetensors"
    assert start(folder / "head.safetensors").head_file() == folder / "head.safetensors"
    assert start().first_card() is None
    assert start(folder).first_card().config.name == "seqTransf"


def test_the_model_is_the_one_asked_for_else_that_of_the_first_head(tmp_path):
    assert start().choice() == ModelChoice("ViT-B-32", "laion2b_s34b_b79k")
    assert start(model=BUNDLED).choice() == ModelChoice(BUNDLED)
    bundled = head_file(tmp_path / "bundled", "seqTransf")
    assert start(bundled).choice() == ModelChoice(BUNDLED)
    assert start(bundled, model="ViT-B-32").choice().name == "ViT-B-32"
    openai = head_file(tmp_path / "openai", "seqTransf", model="ViT-B-32", pretrained="openai")
    assert start(openai).choice() == ModelChoice("ViT-B-32", "openai")
    assert start(openai, model="ViT-B-32").choice() == ModelChoice("ViT-B-32", "openai")
    other = start(openai, pretrained="laion2b_s34b_b79k").choice()
    assert other == ModelChoice("ViT-B-32", "laion2b_s34b_b79k")


def test_a_backbone_that_was_trained_with_the_first_head_lies_beside_it(tmp_path):
    folder = head_file(tmp_path, "seqTransf", model="ViT-B-32", pretrained="openai")
    (folder / "backbone.safetensors").write_bytes(b"weights")
    choice = start(folder).choice()
    assert choice == ModelChoice("ViT-B-32", None, folder / "backbone.safetensors")
    assert start(folder, pretrained="openai").choice() == ModelChoice("ViT-B-32", "openai")


def test_the_head_is_that_of_the_first_one_where_none_is_named(tmp_path):
    assert usual_head(start()) == "seqTransf"
    assert usual_head(start(head_file(tmp_path / "a", "seqLSTM"))) == "seqLSTM"
    assert usual_action_head(start(), visual="plain") == "Transf"
    assert usual_action_head(start(), visual="joint") == "MeanP"
    conv = head_file(tmp_path / "b", "Conv1D", action=ActionCard(("a", "b"), visual="shift"))
    assert usual_action_head(start(conv), visual="shift") == "Conv1D"
    assert usual_action_head(start(conv), visual="joint") == "MeanP"
    assert usual_visual(start(conv)) == "shift"
    mean = head_file(tmp_path / "c", "meanP")
    assert usual_action_head(start(mean), visual="plain") == "Transf"
    assert (usual_visual(start(mean)), usual_visual(start())) == ("plain", "plain")
    search = head_file(tmp_path / "d", "seqTransf")
    with pytest.raises(KinodexError, match="--init names a seqTransf, a head for search"):
        usual_action_head(start(search), visual="plain")


@pytest.mark.parametrize(("tune", "trains"), [("head", False), ("text", True), ("all", True)])
def test_a_tower_trains_unless_only_the_head_does(tune, trains):
    settings = TrainingSettings(steps=1, tune=tune)
    request = TrainingRequest(Path("out"), start(), HEAD, settings, RETRIEVAL)
    assert request.backbone_trains is trains


def test_where_frames_are_kept_is_nothing_that_runs_have_in_common():
    request = TrainingRequest(Path("out"), start(), HEAD, TrainingSettings(steps=1), RETRIEVAL)
    assert "cache" not in request.origin()
    assert request.origin()["frames"] == "3"
    assert request.origin()["head"] == (
        "HeadFlags(name='Transf', blocks=2, gated=True, standardised=False)"
    )
    assert HEAD.config(24) == HeadConfig("Transf", 24, blocks=2, gated=True, standardised=False)


def starting(file: Path | None = None) -> StartingModel:
    backbone = tiny_backbone()
    loaded = LoadedModel(
        backbone.model, lambda texts: torch.zeros(len(texts), 16, dtype=torch.int64)
    )
    return StartingModel(backbone.choice, loaded, backbone, file)


def test_the_model_is_as_it_was_loaded_whatever_an_earlier_run_has_made_of_it():
    model = starting()
    network = model.network(trains=True)
    before = network.logit_scale.item()
    with torch.no_grad():
        network.logit_scale.fill_(9.0)
    assert model.network(trains=False).logit_scale.item() == 9.0
    assert model.network(trains=True).logit_scale.item() == before


def test_a_mean_of_frames_lends_its_backbone_and_no_head(tmp_path):
    file = head_file(tmp_path, "meanP") / "head.safetensors"
    assert starting().first_head("meanP") is None
    assert starting(file).first_head("meanP", "MeanP") is None
    assert starting(file).first_head("MeanP") == file


def test_a_run_begins_with_the_logit_scale_of_its_first_head(tmp_path):
    file = head_file(tmp_path, "meanP") / "head.safetensors"

    class Model:
        logit_scale = torch.tensor(1.0)

    starting().set_logit_scale(Model)  # type: ignore[arg-type]
    assert Model.logit_scale.item() == 1.0
    starting(file).set_logit_scale(Model)  # type: ignore[arg-type]
    assert Model.logit_scale.item() == 2.5


def test_a_run_that_goes_on_has_the_first_head_and_the_weights_in_common():
    model = starting()
    digest = model.backbone.identity.weights_digest
    assert model.origin() == {"init": "None", "model": f"tiny-1 {digest}"}


def request_of(
    recipe: ActionFlags, *, tune: str = "head", head: str = "Transf"
) -> TrainingRequest[ActionFlags]:
    settings = TrainingSettings(steps=1, tune=tune)  # type: ignore[arg-type]
    return TrainingRequest(Path("out"), start(), replace(HEAD, name=head), settings, recipe)


def test_other_visual_prompts_need_the_picture_tower_and_one_head():
    shift, joint = replace(ACTIONS, visual="shift"), replace(ACTIONS, visual="joint")
    actions._check_visual(request_of(ACTIONS))
    actions._check_visual(request_of(shift, tune="all"))
    actions._check_visual(request_of(joint, tune="all", head="MeanP"))
    for recipe, tune, head in ((shift, "text", "Transf"), (joint, "head", "MeanP")):
        with pytest.raises(KinodexError, match="with --tune all"):
            actions._check_visual(request_of(recipe, tune=tune, head=head))
    with pytest.raises(KinodexError, match="nothing left for Transf to fuse: use --head MeanP"):
        actions._check_visual(request_of(joint, tune="all"))


def test_several_frames_of_each_segment_are_kept_to_learn_from_and_one_to_validate(tmp_path):
    recipe = replace(ACTIONS, cache=tmp_path)
    learning, validating = actions._caches(request_of(recipe), starting())
    assert [learning.sampling.frames, validating.sampling.frames] == [6, 3]
    assert [one.batch([])[0].shape[1:] for one in (learning, validating)] == [(6, 24), (3, 24)]
    learning, validating = actions._caches(request_of(recipe, tune="all"), starting())
    # Full frames to crop from are larger by an eighth and more, and up to 16:9 wide.
    assert learning.batch([])[0].shape[1:] == (6, 3, 37, 66)
    assert validating.batch([])[0].shape[1:] == (3, 3, 32, 32)
    plain = replace(recipe, augment=False)
    learning, _ = actions._caches(request_of(plain, tune="all"), starting())
    assert learning.batch([])[0].shape[1:] == (6, 3, 32, 32)
    assert [file.name for file in tmp_path.iterdir()] == []


def test_a_starting_model_is_loaded_with_the_head_to_begin_with(tmp_path, monkeypatch):
    network = starting().loaded
    monkeypatch.setattr(starting_model, "load_model", lambda _choice, *, talk: network)
    folder = head_file(tmp_path, "seqTransf")
    model = StartingModel.load(start(folder))
    assert (model.choice, model.loaded) == (ModelChoice(BUNDLED), network)
    assert model.head_file == folder / "head.safetensors"
    assert (model.backbone.choice, model.backbone.device.type) == (ModelChoice(BUNDLED), "cpu")


class Model:
    """A model that makes of each clip of pixels its mean, and notes what a head is fitted to."""

    logit_scale = torch.tensor(1.0)

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.fitted: tuple[torch.Tensor, ...] = ()
        self.head = self

    def embed_frames(self, frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert len(frames) == len(mask)
        self.parts.append(len(frames))
        return frames.float().mean(dim=(2, 3, 4))[..., None]

    def fit_inputs(self, *given: torch.Tensor) -> None:
        self.fitted = given


def test_a_head_is_fitted_to_embeddings_or_to_those_of_pixels():
    model: Any = Model()
    mask, texts = torch.ones(10, 2, dtype=torch.bool), torch.ones(3, 4)
    pixels = torch.arange(10, dtype=torch.uint8)[:, None, None, None, None].expand(10, 2, 3, 4, 4)
    fit_inputs(model, pixels, mask, texts)
    assert sum(model.parts) == 10
    assert model.fitted[0][:, 0, 0].tolist() == list(range(10))
    model.parts.clear()
    fit_inputs(model, torch.ones(10, 2, 4).half(), mask, texts)
    assert model.parts == []
    assert model.fitted[0].dtype == torch.float32
    assert [one.shape for one in model.fitted] == [(10, 2, 4), (10, 2), (3, 4)]


def test_two_labels_are_needed_to_tell_one_from_the_other(monkeypatch):
    def training(*labels: str) -> tuple[LabelledDataset, LabelledDataset]:
        dataset = LabelledDataset("list", "train", labels, ())
        return dataset, dataset

    monkeypatch.setattr(actions, "load_action_training", lambda *_, **__: training("a", "b"))
    assert actions._load_clips(ACTIONS) == training("a", "b")
    monkeypatch.setattr(actions, "load_action_training", lambda *_, **__: training("a"))
    with pytest.raises(KinodexError, match="list has only the label 'a'"):
        actions._load_clips(ACTIONS)
