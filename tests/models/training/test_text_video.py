"""What a model in training makes of texts and frames."""

import math

import open_clip
import pytest
import torch

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.training import text_video
from models.training.loop import TrainingSettings
from models.training.retrieval import RetrievalTask
from models.training.text_video import TextVideoModel
from tests.models.clip.test_text import tiny_model as tower
from tests.models.training.test_retrieval import Pairs, tiny_model

TEXTS = ["cat", "a small horse, upside down"]


def model_of(backbone: torch.nn.Module) -> TextVideoModel:
    return TextVideoModel(make_head(HeadConfig("meanP", 32)), backbone=backbone)


@pytest.mark.parametrize(
    ("options", "longest"),
    [({}, 8), ({"custom_text": True, "no_causal_mask": True}, 77)],
    ids=["causal", "bidirectional"],
)
def test_texts_are_embedded_as_far_as_their_tower_allows(options, longest):
    backbone = tower(**options)
    token_ids = open_clip.tokenizer.SimpleTokenizer(context_length=77)(TEXTS)
    expected = backbone.encode_text(token_ids)
    lengths = []
    text = backbone.text if options else backbone
    text.token_embedding.register_forward_pre_hook(
        lambda _, inputs: lengths.append(inputs[0].shape[1])
    )
    found = model_of(backbone).embed_texts(token_ids)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    assert max(lengths) == longest


def test_ready_embeddings_need_no_backbone():
    model = TextVideoModel(make_head(HeadConfig("meanP", 24)))
    ready = torch.randn(3, 24, dtype=torch.float16)
    assert torch.equal(model.embed_texts(ready), ready.float())
    frames = torch.randn(2, 3, 24, dtype=torch.float16)
    assert torch.equal(model.embed_frames(frames, torch.ones(2, 3).bool()), frames.float())
    with pytest.raises(ValueError, match="token ids need a backbone"):
        model.embed_texts(torch.ones(1, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="pixels need a backbone and its preprocessing"):
        model.embed_frames(torch.zeros(1, 1, 3, 8, 8, dtype=torch.uint8), torch.ones(1, 1).bool())


def test_logits_are_scaled_cosines():
    model = tiny_model("meanP")
    with torch.no_grad():
        model.logit_scale.fill_(torch.tensor(20.0).log())
    texts = torch.tensor([[3.0, 4.0] + [0.0] * 30])
    videos = torch.eye(32)[:3]
    torch.testing.assert_close(model.logits(texts, videos), torch.tensor([[12.0, 16.0, 0.0]]))


class Scaled(torch.nn.Module):
    """A model that keeps its scale and its bias as SigLIP does."""

    def __init__(self, bias: float | None) -> None:
        super().__init__()
        self.logit_scale = torch.nn.Parameter(torch.tensor([2.5]))
        self.logit_bias = None if bias is None else torch.nn.Parameter(torch.tensor([bias]))


def head_of(name: str = "meanP"):
    return make_head(HeadConfig(name, 32, blocks=1))


def test_a_model_begins_with_the_scale_and_the_bias_of_its_backbone():
    alone = TextVideoModel(head_of())
    assert alone.logit_scale.item() == pytest.approx(4.605170)
    assert alone.logit_bias is None
    assert TextVideoModel(head_of(), logit_scale=3.0).logit_scale.item() == 3.0
    plain = TextVideoModel(head_of(), backbone=Scaled(None), logit_scale=3.0)
    assert (plain.logit_scale.item(), plain.logit_scale.shape, plain.logit_bias) == (2.5, (), None)
    biased = TextVideoModel(head_of(), backbone=Scaled(-10.0))
    assert (biased.logit_bias.item(), biased.logit_bias.shape) == (-10.0, ())


def test_a_bias_is_added_to_scaled_cosines():
    model = TextVideoModel(head_of(), backbone=Scaled(-10.0))
    texts, videos = torch.eye(32)[:1] * 3, torch.eye(32)[:2]
    expected = torch.tensor([[math.exp(2.5) - 10.0, -10.0]])
    torch.testing.assert_close(model.logits(texts, videos), expected)


def trained(model: TextVideoModel, **changes: object) -> tuple[RetrievalTask, set[str]]:
    """A task of it, and what trains: backbone weights as a whole."""
    settings = TrainingSettings(
        steps=1,
        head_learning_rate=0.5,
        backbone_learning_rate=0.25,
        weight_decay=0.125,
        **changes,  # type: ignore[arg-type]
    )
    task = RetrievalTask(model, Pairs(), settings)
    found = {
        "backbone" if name.startswith("backbone.") and "logit" not in name else name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    return task, found


@pytest.mark.parametrize(
    ("head", "tune", "expected"),
    [
        ("meanP", "head", {"logit_scale", "logit_bias"}),
        ("meanP", "all", {"logit_scale", "logit_bias"}),
        ("tightTransf", "all", set()),
    ],
)
def test_a_model_trains_a_scale_of_its_own_and_a_tight_head_none(head, tune, expected):
    model = TextVideoModel(head_of(head), backbone=Scaled(-10.0))
    _, found = trained(model, tune=tune)
    assert {name for name in found if not name.startswith("head.")} == expected


def test_head_and_backbone_have_rates_of_their_own_and_only_matrices_decay():
    model = tiny_model("seqLSTM")
    task, _ = trained(model, tune="text")
    groups = task.parameter_groups()
    assert [(group["peak_rate"], group["weight_decay"]) for group in groups] == [
        (0.5, 0.125),
        (0.5, 0.0),
        (0.25, 0.125),
        (0.25, 0.0),
    ]
    assert any(parameter is model.logit_scale for parameter in groups[1]["params"])
    counted = sum(len(group["params"]) for group in groups)
    assert counted == sum(parameter.requires_grad for parameter in model.parameters())


def test_a_model_in_training_leaves_a_frozen_backbone_and_batch_norms_as_they_are():
    backbone = torch.nn.ModuleDict({"norm": torch.nn.BatchNorm1d(2), "rest": torch.nn.Dropout()})
    model = TextVideoModel(head_of("seqLSTM"), backbone=backbone)
    assert model.train() is model
    modes = (model.head.training, backbone["rest"].training, backbone["norm"].training)
    assert modes == (True, True, False)
    backbone.requires_grad_(False)
    model.train()
    assert (model.head.training, backbone["rest"].training) == (True, False)
    model.eval()
    assert not model.head.training


def test_without_a_validation_there_are_no_figures_and_without_an_export_no_file(tmp_path):
    task, _ = trained(tiny_model("seqLSTM"))
    assert task.validate() == {}
    task.export(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_a_batch_is_parted_into_equal_shares_or_not_at_all(monkeypatch):
    monkeypatch.setattr(text_video, "process_count", lambda: 3)
    monkeypatch.setattr(text_video, "process_rank", lambda: 1)
    assert text_video._own_rows(6) == range(2, 4)
    with pytest.raises(ValueError, match="a batch of 4 pairs cannot be shared by 3 processes"):
        text_video._own_rows(4)
