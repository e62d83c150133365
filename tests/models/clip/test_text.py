"""Texts are encoded only as far as they are long, with the same result."""

from types import SimpleNamespace

import open_clip
import pytest
import torch

from models.clip.engines.in_openvino import text_inputs
from models.clip.text import _project, can_shorten, cut_of, encode_forest, encode_tokens

MIXED_LENGTHS = [
    "",
    "cat",
    "a small horse, upside down, at the top left",
    "a very long sentence " * 30,  # truncated by the tokenizer to the full context
]
CAUSAL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 3},
}


def tiny_model(**text_options: object) -> torch.nn.Module:
    torch.manual_seed(3)
    custom = bool(text_options.pop("custom_text", False))
    config = {**CAUSAL, "text_cfg": {**CAUSAL["text_cfg"], **text_options}}
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    return kind(**config).eval()


def read(texts: list[str]) -> torch.Tensor:
    return open_clip.tokenizer.SimpleTokenizer(context_length=77)(texts)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"custom_text": True},
        {"custom_text": True, "pool_type": "eos", "eos_id": 49407},
        {"custom_text": True, "proj_bias": True},
    ],
    ids=["clip", "custom text tower", "pooled at an end id", "projection with bias"],
)
def test_shortened_encoding_equals_full_length(options):
    model = tiny_model(**options)
    token_ids = read(MIXED_LENGTHS)
    assert can_shorten(model)
    with torch.inference_mode():
        full = model.encode_text(token_ids)
        for rows in ([0, 1, 2, 3], [0, 1, 2], [1], [3, 0]):
            cut = encode_tokens(model, token_ids[rows])
            torch.testing.assert_close(cut, full[rows], atol=2e-6, rtol=0)
            inputs = text_inputs(token_ids[rows].numpy(), cut_of(model))
            together = encode_forest(model, *map(torch.from_numpy, inputs))
            torch.testing.assert_close(together, full[rows], atol=2e-6, rtol=0)


def test_only_the_needed_positions_are_computed():
    model = tiny_model()
    lengths = []
    model.token_embedding.register_forward_pre_hook(
        lambda _, inputs: lengths.append(inputs[0].shape[1])
    )
    encode_tokens(model, read(["cat"]))
    assert lengths == [3]  # start, "cat", end


@pytest.mark.parametrize(
    "options",
    [{"no_causal_mask": True}, {"pool_type": "last"}, {"embed_cls": True, "output_tokens": True}],
    ids=["bidirectional", "pooled at the last position", "class token at the end"],
)
def test_other_towers_run_at_full_length(options):
    model = tiny_model(custom_text=True, **options)
    assert not can_shorten(model)
    assert cut_of(model) is None


def test_bidirectional_tower_gives_its_own_embeddings():
    model = tiny_model(custom_text=True, no_causal_mask=True)
    with torch.inference_mode():
        expected = model.encode_text(read(["cat"]))
        found = encode_tokens(model, read(["cat"]))
    torch.testing.assert_close(found, expected)


def test_where_a_text_ends_is_told_to_other_engines():
    assert cut_of(tiny_model()) == {}
    assert cut_of(tiny_model(custom_text=True, pool_type="eos", eos_id=49407)) == {"end": 49407}
    padded = tiny_model(custom_text=True, no_causal_mask=True)
    padded.padding_id = 0
    assert cut_of(padded) == {"padding": 0}


def test_a_tower_without_a_projection_gives_what_it_gathers():
    pooled = torch.ones(2, 4)
    assert _project(SimpleNamespace(text_projection=None), pooled) is pooled
