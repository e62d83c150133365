"""The sentence encoder, beside the library that its makers publish it for."""

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from models.imagenet.packages import SENTENCES
from models.imagenet.sentences import CONTEXT, load_sentence_encoder, load_tokenizer

TEXTS = [
    "",
    "a dog",
    "A woman puts on make-up in front of a mirror, slowly.",
    "Zwei Bären im Gras 🐻 – 北京",
    "long " * 400,
]


@pytest.fixture(scope="module")
def encoder():
    return load_sentence_encoder()


@pytest.fixture(scope="module")
def published() -> torch.Tensor:
    """What its makers' program says of the texts, (texts, 384), unit length."""
    folder = SENTENCES.path().parent
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        read = tokenizer(
            TEXTS, padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt"
        )
        hidden = model.eval()(**read).last_hidden_state
        weight = read["attention_mask"][..., None].float()
    return F.normalize((hidden * weight).sum(dim=1) / weight.sum(dim=1), dim=-1)


@torch.inference_mode()
def test_embeddings_are_those_of_its_makers_program(encoder, published):
    torch.testing.assert_close(encoder(load_tokenizer()(TEXTS)), published, atol=2e-6, rtol=0)


@torch.inference_mode()
def test_a_text_means_the_same_in_any_company_and_with_any_padding(encoder):
    tokenize = load_tokenizer()
    together = encoder(tokenize(TEXTS))
    alone = torch.cat([encoder(tokenize(text)) for text in TEXTS])
    torch.testing.assert_close(alone, together, atol=2e-6, rtol=0)
    torch.testing.assert_close(
        encoder(tokenize(TEXTS[:4], context_length=20)), together[:4], atol=2e-6, rtol=0
    )


def test_ids_are_filled_up_with_zeros_and_cut_before_the_mark_of_the_end():
    tokenize = load_tokenizer()
    ids = tokenize(["a dog", "long " * 400])
    assert ids.shape == (2, CONTEXT)
    assert ids[0, :5].tolist() == [101, 1037, 3899, 102, 0]
    assert (ids[1] != 0).all()
    assert ids[1, -1] == 102
    assert tokenize(["a dog"], context_length=3).tolist() == [[101, 1037, 102]]
