"""Prompts as embeddings or token ids, in their places."""

import open_clip
import pytest
import torch

from models.clip.text import encode_tokens
from models.labels.label_texts import LabelTexts, embedded_texts, tokenized_texts
from models.labels.prompts import NEUTRAL_SENTENCES, PromptTemplates, PromptTooLong
from tests.models.tiny_clip import tiny_clip

LABELS = ["YoYo", "high jump", "walking with a very small dog"]
TEMPLATES = PromptTemplates(("{}", "a video of {}"))


@pytest.fixture(scope="module")
def tokenize() -> open_clip.tokenizer.SimpleTokenizer:
    return open_clip.tokenizer.SimpleTokenizer(context_length=16)


def test_token_ids_stand_by_template_and_label(tokenize):
    found = tokenized_texts(LABELS, TEMPLATES, tokenize)
    assert found.labels.shape == (2, 3, 16)
    assert not found.is_embedded
    assert torch.equal(found.labels[1, 0], tokenize(["a video of yo yo"])[0])
    assert torch.equal(found.labels[0, 1], tokenize(["high jump"])[0])
    assert torch.equal(found.neutral, tokenize(list(NEUTRAL_SENTENCES)))


def test_embeddings_stand_by_template_and_label(tokenize):
    model = tiny_clip(vocab_size=tokenize.vocab_size)

    @torch.no_grad()
    def embed(texts: list[str]) -> torch.Tensor:
        return encode_tokens(model, tokenize(texts))

    found = embedded_texts(LABELS, TEMPLATES, tokenize=tokenize, embed=embed, neutral=["a thing"])
    assert (found.labels.shape, found.neutral.shape) == ((2, 3, 64), (1, 64))
    assert found.is_embedded
    expected = embed(["a video of walking with a very small dog"])[0]
    torch.testing.assert_close(found.labels[1, 2], expected)
    torch.testing.assert_close(found.labels[0, 0], embed(["yo yo"])[0])


def test_a_thousand_labels_keep_their_order():
    labels = [f"label {'x' * (number % 7)}{number}" for number in range(1000)]

    def embed(texts: list[str]) -> torch.Tensor:
        return torch.tensor([[float(text.rpartition("x")[2].split()[-1])] for text in texts])

    found = embedded_texts(
        labels,
        PromptTemplates(("{}",)),
        tokenize=lambda texts: torch.zeros(len(texts), 4, dtype=torch.int64),
        embed=embed,
        neutral=["0"],
    )
    assert found.labels[0, :, 0].tolist() == list(range(1000))


def test_a_label_that_is_too_long_is_named_before_anything_is_encoded(tokenize):
    long = " ".join(["very"] * 40)
    for make in (
        lambda: tokenized_texts([long], TEMPLATES, tokenize),
        lambda: embedded_texts(
            [long], TEMPLATES, tokenize=tokenize, embed=lambda _: pytest.fail("encoded")
        ),
    ):
        with pytest.raises(PromptTooLong, match="the label 'very very"):
            make()


def test_texts_of_two_kinds_do_not_go_together():
    with pytest.raises(ValueError, match="must be of one kind"):
        LabelTexts(torch.zeros(2, 3, 4), torch.zeros(1, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="templates, labels"):
        LabelTexts(torch.zeros(3, 4), torch.zeros(1, 4))
