"""Heads for actions on disk: their cards, their labels, and what goes with which model."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.heads import checkpoints
from models.heads.card import ActionCard, HeadCard
from models.heads.checkpoints import (
    LoadedHead,
    default_action_head,
    load_action_head,
    load_head,
    read_card,
    save_head,
)
from models.heads.config import ACTION_HEADS, HeadConfig
from models.heads.fit import HeadMismatch
from models.heads.make import make_head
from models.identity import EncoderIdentity, HeadChoice, HeadIdentity, ModelChoice
from models.towers.joint_tokens import encode_videos
from models.towers.patches import encode_clips
from models.towers.visual_prompts import (
    remove_visual_prompt,
    use_visual_prompt,
    visual_prompt_state,
)
from tests.models.clips import MASK, random_pixels, random_tower
from tests.models.random_heads import DIM, random_clips, random_head
from tests.models.random_heads import MASK as HEAD_MASK

ENCODER = EncoderIdentity("bundled", "weights", {"size": (32, 32)}, frames_digest="frames")
LABELS = ("jumps", "spins", "falls")


def card_of(head: Any, **action: Any) -> HeadCard:
    return HeadCard(
        config=head.config,
        encoder=ENCODER,
        pretrained=None,
        dataset="nine clips",
        figures={},
        logit_scale=4.6,
        frames=8,
        action=ActionCard(**{"labels": LABELS, "scale": 1.5, "offset": -0.25, **action}),
    )


def saved(folder: Path, name: str = "Transf", **action: Any) -> Path:
    head = random_head(name)
    save_head(folder / "head.safetensors", head, card_of(head, **action))
    return folder / "head.safetensors"


def load(file: Path, encoder: EncoderIdentity = ENCODER, **options: Any) -> LoadedHead:
    return load_action_head(HeadChoice(file=file), encoder, DIM, **options)


def refusal(file: Path, *arguments: Any, **options: Any) -> str:
    """The one sentence that a user gets."""
    with pytest.raises(HeadMismatch) as found:
        load(file, *arguments, **options)
    assert "\n" not in str(found.value)
    return str(found.value)


@pytest.mark.parametrize("name", ACTION_HEADS)
def test_a_saved_head_comes_back_with_its_card(tmp_path, name):
    file = saved(tmp_path, name)
    loaded = load(file, labels=LABELS)
    clips = random_clips()
    torch.testing.assert_close(
        loaded.head(clips, HEAD_MASK), random_head(name)(clips, HEAD_MASK), atol=0, rtol=0
    )
    assert loaded.identity.name == loaded.card.config.name == name
    assert (loaded.identity.digest is None) == (name == "MeanP")
    assert loaded.card.action == ActionCard(LABELS, scale=1.5, offset=-0.25)
    assert read_card(file).action.labels == LABELS
    assert json.loads(file.with_suffix(".json").read_text())["action"]["visual"] == "plain"


def test_the_digest_of_a_head_stays_the_same_from_version_to_version(tmp_path):
    # Libraries know by it which head made their embeddings. Conv1D begins without chance.
    head = make_head(HeadConfig("Conv1D", 8))
    save_head(tmp_path / "head.safetensors", head, card_of(head))
    loaded = load_action_head(HeadChoice(file=tmp_path / "head.safetensors"), ENCODER, 8)
    assert loaded.identity == HeadIdentity("Conv1D", "3a1fca83adee2fcd1fbaf68487f87a43")


def test_a_card_without_actions_says_nothing_of_them():
    head = make_head(HeadConfig("seqLSTM", DIM))
    text = replace(card_of(head), action=None).to_json()
    assert "action" not in json.loads(text)
    assert HeadCard.from_json(text).action is None


@pytest.mark.parametrize("name", ["MeanP", "meanP"])
def test_a_mean_needs_no_file(name):
    loaded = load_action_head(HeadChoice(name), ENCODER, 4, labels=["anything"])
    assert loaded.identity == HeadIdentity("MeanP")
    assert loaded.card is None
    found = loaded.head(torch.tensor([[[3.0, 0, 0, 0], [0, 4.0, 0, 0]]]), torch.ones(1, 2).bool())
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8, 0, 0]]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Transf", "Transf must be trained: give the file of a trained one"),
        ("seqTransf", "there is no head for actions named 'seqTransf': use MeanP or the file"),
    ],
)
def test_other_heads_need_one(name, sentence):
    with pytest.raises(HeadMismatch, match=sentence):
        load_action_head(HeadChoice(name), ENCODER, DIM)


def test_heads_for_search_and_for_actions_are_told_apart(tmp_path):
    search = random_head("seqTransf")
    save_head(tmp_path / "search.safetensors", search, replace(card_of(search), action=None))
    assert refusal(tmp_path / "search.safetensors").startswith(
        "'search.safetensors' holds a seqTransf, a head for search: give a head for actions"
    )
    with pytest.raises(
        HeadMismatch, match=r"'head.safetensors' holds a Transf, a head for actions"
    ):
        load_head(HeadChoice(file=saved(tmp_path)), ENCODER, DIM)


def test_a_head_of_other_towers_is_refused(tmp_path):
    file = saved(tmp_path)
    other_texts = replace(ENCODER, weights_digest="others")
    assert "belongs to another text tower" in refusal(file, other_texts)
    other_frames = replace(other_texts, frames_digest="others")
    assert "was trained on frames that another bundled encoded" in refusal(file, other_frames)
    assert "was trained with bundled, not with ViT" in refusal(file, replace(ENCODER, model="ViT"))
    with pytest.raises(HeadMismatch, match="takes embeddings of width 32, bundled gives 512"):
        load_action_head(HeadChoice(file=file), ENCODER, 512)


def test_another_head_than_was_named_is_refused(tmp_path):
    with pytest.raises(HeadMismatch, match="holds a Transf, not a LSTM"):
        load_action_head(HeadChoice("LSTM", saved(tmp_path)), ENCODER, DIM)
    assert load_action_head(HeadChoice("MeanP", saved(tmp_path)), ENCODER, DIM).card is not None


@pytest.mark.parametrize(
    ("labels", "difference"),
    [
        (
            ("jumps", "rolls", "falls"),
            "(3, here are 3; 'spins' is there only, 'rolls' is here only)",
        ),
        (("jumps", "spins"), "(3, here are 2; 'falls' is there only)"),
        ((*LABELS, "rolls"), "(3, here are 4; 'rolls' is here only)"),
    ],
    ids=["other", "fewer", "more"],
)
def test_another_list_of_labels_is_refused_by_name(tmp_path, labels, difference):
    assert refusal(saved(tmp_path), labels=labels) == (
        f"the head in 'head.safetensors' was trained on other labels {difference}: "
        "give the list that it was trained on"
    )


def test_the_order_of_labels_does_not_matter(tmp_path):
    assert load(saved(tmp_path), labels=["spins", "falls", "jumps"]).card is not None


def test_the_spelling_of_labels_does_not_matter(tmp_path):
    file = saved(tmp_path, labels=("ApplyLipstick", "TaiChi"))
    assert load(file, labels=["apply lipstick", "tai_chi"]).card is not None


def test_any_list_goes_with_a_head_of_unknown_labels(tmp_path):
    assert load(saved(tmp_path, labels=()), labels=["rolls"]).card.action.labels == ()


@pytest.mark.parametrize("visual", ["shift", "joint"])
def test_a_head_that_needs_moving_pictures_is_refused_for_stored_frames(tmp_path, visual):
    file = saved(tmp_path, "MeanP", visual=visual)
    assert f"sees several frames at once ({visual})" in refusal(file)
    assert load(file, visuals=("plain", visual)).card.action.visual == visual


@pytest.mark.parametrize(
    "change",
    [
        {"visual": "sideways"},
        {"scale": float("nan")},
        {"sign": 1},
        {"labels": None},
        {"labels": [1, 2]},
        {"labels": "running"},
        {"frames": 0},
        {"fold": "half"},
    ],
    ids=["visual", "scale", "unknown", "labels", "numbers", "one word", "no frames", "fold"],
)
def test_a_card_that_cannot_be_is_refused(tmp_path, change):
    file = saved(tmp_path)
    card = json.loads(read_card(file).to_json())
    card["action"] |= change
    save_file(load_file(file), file, metadata={"kinodex_head": json.dumps(card)})
    assert "'head.safetensors' is not a readable head: the file is damaged" in refusal(file)


# Towers


def plain() -> torch.nn.Module:
    return random_tower()


def test_a_joint_towers_table_travels_with_the_head(tmp_path):
    tower, head = plain(), random_head("MeanP")
    card = card_of(head, visual="joint", frames=4)
    use_visual_prompt(tower, card.action)
    torch.nn.init.normal_(tower.temporal_embedding)
    save_head(tmp_path / "head.safetensors", head, card, visual_state=visual_prompt_state(tower))
    loaded = load(tmp_path / "head.safetensors", visuals=("joint",))
    assert loaded.identity.digest is not None
    again = plain()
    use_visual_prompt(again, loaded.card.action, loaded.visual_state)
    torch.testing.assert_close(
        encode_videos(again, random_pixels(), MASK), encode_videos(tower, random_pixels(), MASK)
    )


def test_a_shifting_tower_is_made_from_the_card():
    tower, expected = plain(), plain()
    use_visual_prompt(tower, ActionCard(LABELS, visual="shift", fold=4, placement="residual"))
    change = encode_clips(tower, random_pixels(), MASK) - encode_clips(
        expected, random_pixels(), MASK
    )
    assert change.abs().max() > 1e-3
    assert tower.temporal_shift.channels == 16
    assert tower.temporal_shift.placement == "residual"
    assert visual_prompt_state(tower) == {}


@pytest.mark.parametrize("visual", ["plain", "shift", "joint"])
def test_a_tower_without_its_prompt_is_plain_again(visual):
    tower = plain()
    use_visual_prompt(tower, ActionCard(LABELS, visual=visual))
    copied = copy.deepcopy(tower)
    remove_visual_prompt(copied)
    assert list(copied.state_dict()) == list(plain().state_dict())
    found = encode_clips(copied, random_pixels(), MASK)
    assert torch.equal(found, encode_clips(plain(), random_pixels(), MASK))
    assert hasattr(tower, "temporal_embedding") == (visual == "joint")


# Defaults


def test_the_bundled_model_brings_its_own_head(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_BUNDLED_ACTIONS", tmp_path / "head.safetensors")
    assert default_action_head(ModelChoice("bundled")) == HeadChoice("MeanP")
    file = saved(tmp_path)
    assert default_action_head(ModelChoice("bundled")) == HeadChoice("Transf", file)
    assert default_action_head(ModelChoice("ViT-B-32")) == HeadChoice("MeanP")
    assert default_action_head(ModelChoice("bundled", weights=file)) == HeadChoice("MeanP")
