"""Heads on disk: what is saved comes back, and what does not fit is refused in a sentence."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import tensor_files
from models.heads import checkpoints
from models.heads.card import HeadCard
from models.heads.checkpoints import default_head, load_head, read_card, save_backbone, save_head
from models.heads.config import HEAD_NAMES, HeadConfig
from models.heads.fit import BACKBONE_FILE, HeadMismatch
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.heads.tight import TightTransf
from models.identity import EncoderIdentity, HeadChoice, HeadIdentity, ModelChoice

DIM = 16
# A tuple, as the backbone gives it: in the file it becomes a list.
ENCODER = EncoderIdentity("ViT-B-32", "weights", {"size": (32, 32)}, frames_digest="frames")


def head_named(name: str, seed: int = 0) -> LooseHead | TightTransf:
    torch.manual_seed(seed)
    return make_head(HeadConfig(name, DIM, blocks=2, attention_heads=2, positions=8))


def card_of(head: LooseHead | TightTransf) -> HeadCard:
    return HeadCard(
        config=head.config,
        encoder=ENCODER,
        pretrained="openai",
        dataset="nine clips",
        figures={"R@1": 43.5},
        logit_scale=4.6,
        frames=12,
    )


def saved(folder: Path, name: str = "seqTransf") -> Path:
    head = head_named(name)
    save_head(folder / "head.safetensors", head, card_of(head))
    return folder / "head.safetensors"


@pytest.mark.parametrize("name", HEAD_NAMES)
def test_a_saved_head_comes_back_the_same(tmp_path, name):
    file = saved(tmp_path, name)
    loaded = load_head(HeadChoice(file=file), ENCODER, DIM)
    head = head_named(name)
    assert loaded.head.config == head.config
    assert not loaded.head.training
    assert loaded.file == file
    for key, value in head.state_dict().items():
        assert torch.equal(loaded.head.state_dict()[key], value)


@pytest.mark.parametrize("name", ["seqLSTM", "seqTransf"])
def test_a_gated_standardised_head_comes_back_with_what_it_measured(tmp_path, name):
    head = make_head(HeadConfig(name, DIM, blocks=1, gated=True, standardised=True))
    frames, mask = torch.randn(6, 4, DIM) * 9 + 5, torch.ones(6, 4, dtype=torch.bool)
    head.fit_inputs(frames, mask)
    torch.nn.init.ones_(head.gate)
    save_head(tmp_path / "head.safetensors", head, card_of(head))
    loaded = load_head(HeadChoice(file=tmp_path / "head.safetensors"), ENCODER, DIM)
    torch.testing.assert_close(loaded.head(frames, mask), head.eval()(frames, mask))


def test_the_card_tells_what_the_head_is_and_lies_beside_it_to_read(tmp_path):
    card = read_card(saved(tmp_path))
    assert card.config == HeadConfig("seqTransf", DIM, blocks=2, attention_heads=2, positions=8)
    assert (card.dataset, card.frames, card.figures) == ("nine clips", 12, {"R@1": 43.5})
    assert (card.pretrained, card.logit_scale) == ("openai", 4.6)
    shown = json.loads((tmp_path / "head.json").read_text())
    assert shown["encoder"]["model"] == "ViT-B-32"
    assert shown["config"]["dim"] == DIM
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head.json", "head.safetensors"]


def test_whoever_may_read_other_files_may_read_a_head(tmp_path):
    (tmp_path / "other").touch()
    assert saved(tmp_path).stat().st_mode == (tmp_path / "other").stat().st_mode


def test_saving_again_replaces_the_head_and_its_digest(tmp_path):
    file = saved(tmp_path)
    first = load_head(HeadChoice(file=file), ENCODER, DIM).identity
    assert load_head(HeadChoice(file=file), ENCODER, DIM).identity == first
    other = head_named("seqTransf", seed=1)
    save_head(file, other, card_of(other))
    second = load_head(HeadChoice(file=file), ENCODER, DIM).identity
    assert first.name == second.name == "seqTransf"
    assert first.digest != second.digest


def test_new_figures_make_no_other_head_of_it(tmp_path):
    before = load_head(HeadChoice(file=saved(tmp_path)), ENCODER, DIM).identity
    head = head_named("seqTransf")
    save_head(tmp_path / "head.safetensors", head, replace(card_of(head), figures={"R@1": 50.0}))
    after = load_head(HeadChoice(file=tmp_path / "head.safetensors"), ENCODER, DIM).identity
    assert after == before


def test_a_head_may_be_kept_in_half_precision(tmp_path):
    head = head_named("seqLSTM")
    save_head(tmp_path / "head.safetensors", head, card_of(head), dtype=torch.float16)
    assert load_file(tmp_path / "head.safetensors")["lstm.bias_hh_l0"].dtype == torch.float16
    loaded = load_head(HeadChoice(file=tmp_path / "head.safetensors"), ENCODER, DIM)
    assert loaded.head.lstm.bias_hh_l0.dtype == torch.float32
    frames, mask = torch.randn(2, 3, DIM), torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(loaded.head(frames, mask), head(frames, mask), atol=1e-3, rtol=0)


def test_mean_pooling_needs_no_file():
    loaded = load_head(HeadChoice(), ENCODER, DIM)
    assert loaded.identity == HeadIdentity("meanP", None)
    assert loaded.card is None
    assert loaded.file is None
    found = loaded.head(torch.eye(DIM)[:2].unsqueeze(0), torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(found[0, :3], torch.tensor([0.5**0.5, 0.5**0.5, 0]))


def test_mean_pooling_from_a_file_is_mean_pooling(tmp_path):
    loaded = load_head(HeadChoice(file=saved(tmp_path, "meanP")), ENCODER, DIM)
    assert loaded.identity == HeadIdentity("meanP", None)
    assert loaded.card.dataset == "nine clips"


def refusal(choice: HeadChoice, encoder: EncoderIdentity = ENCODER, dim: int = DIM) -> str:
    """The one sentence that a user gets."""
    with pytest.raises(HeadMismatch) as found:
        load_head(choice, encoder, dim)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_a_missing_file_is_named(tmp_path):
    gone = tmp_path / "gone.safetensors"
    assert refusal(HeadChoice(file=gone)) == f"there is no head file {str(gone)!r}"
    assert "there is no head file" in refusal(HeadChoice(file=tmp_path))


def test_a_trained_head_without_a_file_is_asked_for():
    assert refusal(HeadChoice("seqLSTM")).startswith("seqLSTM must be trained: give the file")
    assert "there is no head named 'maxP'" in refusal(HeadChoice("maxP"))


def test_another_head_than_was_named_is_refused(tmp_path):
    sentence = refusal(HeadChoice("seqLSTM", saved(tmp_path)))
    assert sentence == "'head.safetensors' holds a seqTransf, not a seqLSTM: give another file"


def test_a_head_for_another_width_is_refused(tmp_path):
    sentence = refusal(HeadChoice(file=saved(tmp_path)), dim=512)
    assert "takes embeddings of width 16, ViT-B-32 gives 512" in sentence


def test_a_head_of_another_model_names_the_model_to_take(tmp_path):
    sentence = refusal(HeadChoice(file=saved(tmp_path)), replace(ENCODER, model="bundled"))
    assert sentence == (
        "the head in 'head.safetensors' was trained with ViT-B-32, not with bundled: "
        "choose --model ViT-B-32 --pretrained openai"
    )


@pytest.mark.parametrize(
    "changes",
    [{"frames_digest": "others", "weights_digest": "others"}, {"preprocessing": {"size": [64]}}],
    ids=["weights", "preprocessing"],
)
def test_a_head_of_another_frame_encoder_is_refused(tmp_path, changes):
    sentence = refusal(HeadChoice(file=saved(tmp_path)), replace(ENCODER, **changes))
    assert "was trained on frames that another ViT-B-32 encoded" in sentence


def test_another_text_tower_asks_for_the_weights_saved_with_the_head(tmp_path):
    file = saved(tmp_path)
    other = replace(ENCODER, weights_digest="others")
    sentence = refusal(HeadChoice(file=file), other)
    assert "belongs to another text tower than this ViT-B-32 has" in sentence
    (tmp_path / BACKBONE_FILE).touch()
    sentence = refusal(HeadChoice(file=file), other)
    weights = str(tmp_path / BACKBONE_FILE)
    assert f"give the weights saved with it, --model ViT-B-32 --weights {weights!r}" in sentence


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "torch":
        torch.save({"weight": torch.zeros(3)}, file)
    elif how == "no card":
        save_file(load_file(file), file)
    elif how == "odd card":
        save_file(load_file(file), file, metadata={"kinodex_head": '["seqTransf"]'})
    elif how == "lacks a weight":
        card = read_card(file).to_json()
        weights = load_file(file)
        del weights["transformer.positions"]
        save_file(weights, file, metadata={"kinodex_head": card})


@pytest.mark.parametrize("how", ["cut", "empty", "torch", "no card", "odd card", "lacks a weight"])
def test_a_damaged_file_is_refused(tmp_path, how):
    file = saved(tmp_path)
    damage(file, how)
    assert refusal(HeadChoice(file=file)) == (
        "'head.safetensors' is not a readable head: the file is damaged, or Kinodex did not save it"
    )


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("config", {"positions": 1 << 40}),
        ("config", {"blocks": 5}),
        ("config", {"blocks": 1_000_000}),
        ("config", {"layer_norm_epsilon": "small"}),
        ("card", {"logit_scale": 1e308}),
        ("card", {"logit_scale": float("nan")}),
        ("card", {"logit_scale": "much"}),
        ("card", {"frames": -12}),
        ("card", {"frames": 1 << 60}),
        ("card", {"frames": "twelve"}),
        ("card", {"frame_rate": float("inf")}),
    ],
)
def test_a_card_that_cannot_be_is_refused_and_nothing_is_made_of_it(tmp_path, place, change):
    file = saved(tmp_path)
    card = json.loads(read_card(file).to_json())
    (card["config"] if place == "config" else card).update(change)
    save_file(load_file(file), file, metadata={"kinodex_head": json.dumps(card)})
    assert re.search("is not a readable head|cannot be built", refusal(HeadChoice(file=file)))


def test_a_card_of_lists_in_lists_is_refused(tmp_path):
    file = saved(tmp_path)
    save_file(load_file(file), file, metadata={"kinodex_head": "[" * 99_999 + "]" * 99_999})
    assert "is not a readable head" in refusal(HeadChoice(file=file))


def test_a_head_of_an_unknown_kind_says_what_is_unknown(tmp_path):
    file = saved(tmp_path)
    card = read_card(file).to_json().replace("seqTransf", "seqMamba")
    save_file(load_file(file), file, metadata={"kinodex_head": card})
    assert "cannot be built: a head's name cannot be 'seqMamba'" in refusal(HeadChoice(file=file))


def test_a_head_whose_training_went_wrong_is_refused(tmp_path):
    head = head_named("seqLSTM")
    torch.nn.init.constant_(head.lstm.bias_hh_l0, torch.nan)
    save_head(tmp_path / "head.safetensors", head, card_of(head))
    assert "not finite: train it again" in refusal(HeadChoice(file=tmp_path / "head.safetensors"))


def test_a_crash_while_saving_leaves_the_old_head(tmp_path, monkeypatch):
    file = saved(tmp_path)
    before = file.read_bytes()

    def full_disk(tensors: dict, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(tensor_files, "save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_head(file, head_named("meanP"), card_of(head_named("meanP")))
    assert file.read_bytes() == before


def test_a_backbones_state_is_saved_whole_even_where_tensors_share_memory(tmp_path):
    shared = torch.arange(6.0).view(2, 3)
    save_backbone(tmp_path / BACKBONE_FILE, {"a": shared, "b": shared, "c": shared.T})
    state = load_file(tmp_path / BACKBONE_FILE)
    assert state["b"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert state["c"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_bundled_model_brings_its_own_head(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_BUNDLED_HEAD", tmp_path / "head.safetensors")
    assert default_head(ModelChoice("bundled")) == HeadChoice("meanP")
    file = saved(tmp_path)
    assert default_head(ModelChoice("bundled")) == HeadChoice("seqTransf", file)
    assert default_head(ModelChoice("ViT-B-32")) == HeadChoice("meanP")


def test_a_head_file_has_a_heads_name(tmp_path):
    head = head_named("meanP")
    with pytest.raises(ValueError, match=r"ends in \.safetensors, not '\.pt'"):
        save_head(tmp_path / "head.pt", head, card_of(head))
    assert list(tmp_path.iterdir()) == []
