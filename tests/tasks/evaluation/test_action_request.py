"""Which head, which frames and which scale an evaluation of actions works with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.labelled import LabelledDataset
from indexer.reading.sampling import SegmentSampling
from models.heads.card import ActionCard, HeadCard
from models.heads.checkpoints import save_head
from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.identity import HeadChoice
from models.labels.prompts import PromptTemplates
from tasks.evaluation import actions
from tasks.evaluation.actions import ActionRequest
from tasks.terminal.model_flags import ModelFlags
from tests.tiny import tiny_backbone

BACKBONE = tiny_backbone()
DATASET = LabelledDataset("list", "test", ("running", "walking"), ())


def request(**options: object) -> ActionRequest:
    return ActionRequest("a.csv", None, "test", ModelFlags(), **options)  # type: ignore[arg-type]


def head_file(
    folder: Path,
    *,
    labels: tuple[str, ...] | None = DATASET.labels,
    visual: str = "plain",
    crop: str = "whole",
) -> Path:
    config = HeadConfig("Conv1D", 24)
    action = (
        None
        if labels is None
        else ActionCard(labels, visual=visual, scale=2.0, offset=-1.0, crop=crop)
    )
    card = HeadCard(
        config, BACKBONE.identity, None, "nothing", {}, logit_scale=2.5, frames=5, action=action
    )
    save_head(folder / "head.safetensors", make_head(config), card)
    return folder / "head.safetensors"


def chosen(monkeypatch: pytest.MonkeyPatch, shipped: HeadChoice, **options: object) -> HeadChoice:
    monkeypatch.setattr(actions, "default_action_head", lambda _choice: shipped)
    return actions._head_choice(request(**options), BACKBONE, DATASET)


def test_the_models_own_head_is_measured_if_it_knows_the_labels(monkeypatch, tmp_path, capsys):
    same = HeadChoice("Conv1D", head_file(tmp_path))
    assert chosen(monkeypatch, same) == same
    assert chosen(monkeypatch, HeadChoice("MeanP")) == HeadChoice("MeanP")
    assert capsys.readouterr().err == ""
    others = HeadChoice("Conv1D", head_file(tmp_path, labels=("sitting", "lying")))
    assert chosen(monkeypatch, others) == HeadChoice("MeanP")
    told = " ".join(capsys.readouterr().err.split())
    assert "the Conv1D that comes with the model was trained on other labels, so MeanP is" in told
    assert chosen(monkeypatch, others, other_labels=True) == others
    assert capsys.readouterr().err == ""


def test_a_head_that_was_named_is_taken(monkeypatch, tmp_path):
    file = head_file(tmp_path)
    assert chosen(monkeypatch, HeadChoice("MeanP"), head=str(file)).file == file
    assert chosen(monkeypatch, HeadChoice("Conv1D", file), head="MeanP") == HeadChoice("MeanP")


def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    card = {name: options.pop(name) for name in ("visual", "learnt_crop") if name in options}
    crop = card.pop("learnt_crop", "whole")
    file = head_file(tmp_path, crop=crop, **card)
    asked = request(head=str(file), **options)
    monkeypatch.setattr(actions, "default_action_head", lambda _choice: HeadChoice("MeanP"))
    return asked, actions._load_head(asked, BACKBONE, DATASET)


@pytest.mark.parametrize(
    ("options", "frames"),
    [({}, 5), ({"frames": 3}, 3), ({"views": "10x3"}, 50), ({"views": "10x3", "frames": 2}, 20)],
)
def test_frames_are_as_many_as_the_head_learnt_from_unless_it_is_said(
    tmp_path, monkeypatch, options, frames
):
    asked, head = loaded(tmp_path, monkeypatch, cache=tmp_path / "cache", **options)
    cache = actions._cache(asked, BACKBONE, head)
    assert cache.sampling.frames == frames
    described = actions._described(asked, head, cache, PromptTemplates(("{}", "a {}")))
    assert described == {
        "head": "Conv1D",
        "visual": "plain",
        "frames": options.get("frames", 5),
        "views": options.get("views", "1"),
        "crop": "three" if "views" in options else "whole",
        "templates": 2,
    }


@pytest.mark.parametrize("visual", ["plain", "shift"])
@pytest.mark.parametrize(
    ("learnt", "asked", "seen"),
    [("centre", None, "centre"), ("centre", "whole", "whole"), ("whole", "centre", "centre")],
)
def test_of_each_frame_is_seen_what_was_asked_for_or_what_the_head_learnt_from(
    tmp_path, monkeypatch, visual, learnt, asked, seen
):
    about, head = loaded(
        tmp_path, monkeypatch, visual=visual, learnt_crop=learnt, crop=asked, cache=tmp_path
    )
    sampling = SegmentSampling(5)
    expected = (
        FrameCache.of_embeddings(tmp_path, BACKBONE, sampling, crop=seen)
        if visual == "plain"
        else FrameCache.of_pixels(tmp_path, BACKBONE.preprocessing, sampling, crop=seen)
    )
    assert actions._cache(about, BACKBONE, head).folder == expected.folder


def test_without_a_head_of_its_own_a_model_sees_eight_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "default_action_head", lambda _choice: HeadChoice("MeanP"))
    asked = request(cache=tmp_path / "cache")
    head = actions._load_head(asked, BACKBONE, DATASET)
    assert actions._cache(asked, BACKBONE, head).sampling.frames == 8
    assert (actions._visual(head), head.card) == ("plain", None)


def test_a_tower_that_sees_several_frames_gets_pixels_of_every_view(tmp_path, monkeypatch):
    asked, head = loaded(tmp_path, monkeypatch, visual="shift", cache=tmp_path / "cache")
    assert actions._visual(head) == "shift"
    cache = actions._cache(asked, BACKBONE, head)
    assert cache.batch([])[0].shape[1:] == (5, 3, 32, 32)
    asked, head = loaded(tmp_path, monkeypatch, visual="shift", views="10x3", cache=tmp_path)
    views = actions._cache(asked, BACKBONE, head)
    assert views.batch([])[0].shape[1:] == (5 * 10 * 3, 3, 32, 32)


def test_scores_are_scaled_and_calibrated_as_the_head_learnt_it(tmp_path, monkeypatch):
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(actions, "ActionScorer", lambda model, *_, **how: made.append(how) or model)
    nothing: Any = None
    asked, head = loaded(tmp_path, monkeypatch)
    model = actions._scorer(asked, BACKBONE, head, nothing, nothing)
    assert (model.backbone, model.training) == (None, False)
    assert (made[0]["logit_scale"], made[0]["views"].crops) == (2.5, 1)
    assert (made[0]["calibration"].scale, made[0]["calibration"].offset) == (2.0, -1.0)
    asked, head = loaded(tmp_path, monkeypatch, visual="shift")
    assert actions._scorer(asked, BACKBONE, head, nothing, nothing).backbone is BACKBONE.model
    bare: Any = SimpleNamespace(head=torch.nn.Identity(), card=None)
    actions._scorer(request(views="10x3"), BACKBONE, bare, nothing, nothing)
    assert made[2]["logit_scale"] == BACKBONE.logit_scale
    assert (made[2]["calibration"], made[2]["views"].shifts) == (None, 10)
