"""Texts that are cut to a few words, with their end token kept."""

import pytest
import torch

from models.clip.shorter_texts import cut_texts
from models.errors import KinodexError
from tests.tiny import tiny_backbone

BEGIN, END = 49406, 49407


def test_what_is_too_long_ends_earlier_with_its_end_token():
    backbone = tiny_backbone()
    whole = backbone.tokenize(["a dog runs along the beach", "a dog"])
    ids = cut_texts(backbone.tokenize, backbone.model, 5)(["a dog runs along the beach", "a dog"])
    assert ids.shape == whole.shape == (2, 16)
    assert ids[0].tolist() == [BEGIN, *whole[0, 1:4].tolist(), END, *[0] * 11]
    assert torch.equal(ids[1], whole[1])


def test_a_model_reads_the_cut_text_as_if_it_had_been_written_so():
    backbone = tiny_backbone()
    short = backbone.reading_at_most(5)
    torch.testing.assert_close(
        short.embed_texts(["a dog runs along the beach"]), backbone.embed_texts(["a dog runs"])
    )
    assert torch.equal(short.embed_texts(["a dog"]), backbone.embed_texts(["a dog"]))
    # The whole text is not remembered as the cut one.
    assert not torch.equal(
        short.embed_texts(["a dog runs along"]), backbone.embed_texts(["a dog runs along"])
    )


def test_a_model_that_reads_otherwise_is_refused():
    with pytest.raises(KinodexError, match="--max-words is for models that read a text up to"):
        cut_texts(lambda texts: torch.zeros(1, 4), torch.nn.Linear(2, 2), 5)
