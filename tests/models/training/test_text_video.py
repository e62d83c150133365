"""What a model in training makes of texts and frames."""

import open_clip
import pytest
import torch

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.training.text_video import TextVideoModel
from tests.models.clip.test_text import tiny_model as tower
from tests.models.training.test_retrieval import tiny_model

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
