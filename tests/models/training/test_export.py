"""Validation, calibration and the files of action training."""

import json
from pathlib import Path

import open_clip
import pytest
import torch

from models.heads.card import ActionCard
from models.heads.checkpoints import load_action_head, read_card
from models.heads.config import HeadConfig
from models.heads.fit import HeadMismatch
from models.heads.make import make_head
from models.identity import EncoderIdentity, HeadChoice, ModelChoice
from models.labels.calibration import fit_calibration
from models.labels.label_texts import LabelTexts
from models.labels.tagging import Calibration
from models.towers.visual_prompts import use_visual_prompt
from models.training.actions import ActionModel, ActionTask
from models.training.export import ActionExport
from models.training.loop import TrainingSettings
from models.training.validation import ActionValidator
from tests.models.labelled_videos import DIM, FRAMES, LABELS, LabelledVideos, action_model, texts

ENCODER = EncoderIdentity("tiny", "weights", {"size": 16}, "frames")
NAMES = ("diving", "fencing", "rowing", "swing", "yo yo")
ANSWERS = torch.eye(DIM)


def mean_model() -> ActionModel:
    return ActionModel(make_head(HeadConfig("MeanP", DIM)), logit_scale=3.0).eval()


def answering(texts_of: torch.Tensor, labels: torch.Tensor, shown: list[int]) -> ActionValidator:
    """A validator whose video i shows direction `shown[i]` in each of two frames."""
    frames = ANSWERS[shown].unsqueeze(1).repeat(1, 2, 1)

    def frames_of(start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        return frames[start:stop], torch.ones(stop - start, 2, dtype=torch.bool)

    label_texts = LabelTexts(texts_of.unsqueeze(0), ANSWERS[10:12])
    return ActionValidator(label_texts, labels, frames_of)


def test_where_each_video_has_one_label_accuracies_are_told():
    labels = torch.eye(6, dtype=torch.bool)[[0, 0, 0, 1, 2]]
    figures = answering(ANSWERS[:6], labels, [0, 0, 1, 1, 2])(mean_model())
    assert figures["top1"] == pytest.approx(80.0)
    assert figures["mean_per_class"] == pytest.approx((200 / 3 + 100 + 100) / 3)
    assert next(iter(figures)) == "top1"
    # The wrong one ties with the right label of four others, and ties count against the model.
    assert figures["top5"] == pytest.approx(80.0)


def test_where_videos_have_several_labels_or_none_average_precision_is_told():
    labels = torch.tensor([[True, True], [True, False], [False, False]])
    assert answering(ANSWERS[:2], labels, [0, 0, 5])(mean_model()) == {
        "map": pytest.approx((100 + 50) / 2)
    }


def test_scores_compare_labels_with_neutral_sentences():
    validator = answering(ANSWERS[:2], torch.eye(2, dtype=torch.bool), [0, 10])
    scores = validator.scores(mean_model())
    factor = torch.tensor(3.0).exp()
    none, one_neutral = torch.tensor(2.0).log(), (factor.exp() + 1).log()
    expected = torch.stack([torch.stack([factor - none, -none]), -one_neutral.repeat(2)])
    torch.testing.assert_close(scores, expected)


def test_the_calibration_is_that_of_the_scores():
    labels = torch.tensor([[True, False], [False, True], [True, False]])
    validator = answering(ANSWERS[:2], labels, [0, 1, 5])
    model = mean_model()
    assert validator.calibration(model) == fit_calibration(validator.scores(model), labels)


def test_token_ids_are_embedded_by_the_model():
    batch = LabelledVideos().batch(0)
    validator = ActionValidator(
        texts(embedded=False),
        batch.labels,
        lambda start, stop: (batch.frames[start:stop], batch.mask[start:stop]),
    )
    with torch.inference_mode():
        figures = validator(action_model("LSTM").eval())
    assert 0 < figures["map"] <= 100


def export(**changes: object) -> ActionExport:
    usual = {
        "choice": ModelChoice("tiny"),
        "encoder": ENCODER,
        "dataset": "actions.csv",
        "frames": FRAMES,
        "frame_rate": 0.0,
        "backbone_trains": False,
        "tokenize": lambda words: torch.tensor([[1, 2, 63] + [0] * 5] * len(words)),
        "action": ActionCard(NAMES),
    }
    return ActionExport(**usual | changes)


def train(folder: Path, model: ActionModel, one: ActionExport) -> None:
    settings = TrainingSettings(steps=2, head_learning_rate=1e-3)
    ActionTask(model, LabelledVideos(), texts(), settings, export=one).trainer(folder).run()


@pytest.mark.parametrize("head", ["MeanP", "Conv1D", "LSTM", "Transf", "Transf_cls"])
def test_the_exported_head_loads_with_labels_and_calibration(tmp_path, head):
    model = action_model(head)
    train(tmp_path, model, export(calibrate=lambda _: Calibration(0.4, -1.5)))
    choice = HeadChoice(head, tmp_path / "head.safetensors")
    loaded = load_action_head(choice, ENCODER, DIM, labels=NAMES)
    for name, tensor in model.head.state_dict().items():
        assert torch.equal(loaded.head.state_dict()[name], tensor)
    assert loaded.card is not None
    assert loaded.card.action == ActionCard(NAMES, scale=0.4, offset=-1.5)
    assert loaded.card.logit_scale == model.logit_scale.item()
    assert json.loads((tmp_path / "head.json").read_text())["action"]["labels"] == list(NAMES)
    with pytest.raises(HeadMismatch, match="'diving' is there only, 'bowling' is here only"):
        load_action_head(choice, ENCODER, DIM, labels=["bowling"] * LABELS)


def test_calibration_sees_the_model_in_evaluation_mode_and_training_goes_on_after_it(tmp_path):
    modes = []

    def look(model: ActionModel) -> Calibration:
        modes.append((model.head.training, torch.is_inference_mode_enabled()))
        return Calibration()

    model = action_model("Transf_cls")
    train(tmp_path, model, export(calibrate=look))
    assert modes == [(False, True)]
    assert model.head.training


def test_without_examples_scores_stand_for_themselves(tmp_path):
    train(tmp_path, action_model(), export())
    action = json.loads((tmp_path / "head.json").read_text())["action"]
    assert (action["scale"], action["offset"]) == (1.0, 0.0)


@pytest.mark.parametrize("visual", ["plain", "shift", "joint"])
def test_a_trained_tower_gives_the_same_videos_from_its_files(tmp_path, visual):
    model = action_model("MeanP", visual=visual)
    open_clip.factory.set_model_preprocess_cfg(
        model.backbone, {**vars(open_clip.transform.PreprocessCfg()), "size": 16}
    )
    source = LabelledVideos(pixels=True)
    settings = TrainingSettings(steps=2, backbone_learning_rate=1e-2, tune="all")
    one = export(backbone_trains=True, action=ActionCard(NAMES, visual=visual, frames=3))
    task = ActionTask(model, source, texts(embedded=False), settings, export=one)
    task.trainer(tmp_path).run()

    again = action_model("MeanP")
    open_clip.load_checkpoint(again.backbone, str(tmp_path / "backbone.safetensors"))
    card = read_card(tmp_path / "head.safetensors")
    loaded = load_action_head(
        HeadChoice("MeanP", tmp_path / "head.safetensors"), card.encoder, DIM, visuals=[visual]
    )
    use_visual_prompt(again.backbone.visual, loaded.card.action, loaded.visual_state)
    batch = source.batch(9)
    torch.testing.assert_close(
        again.eval().embed_videos(batch.frames, batch.mask),
        model.eval().embed_videos(batch.frames, batch.mask),
    )
    if visual == "joint":
        assert loaded.visual_state["temporal_embedding"].any()
