"""Texts are encoded only as far as they are long, with the same result."""

from types import SimpleNamespace

import open_clip
import pytest
import torch

from models.clip.text import CACHE_SIZE, TextEncoder, _project

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


def encoder(model: torch.nn.Module) -> TextEncoder:
    return TextEncoder(model, open_clip.tokenizer.SimpleTokenizer(context_length=77))


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
    token_ids = open_clip.tokenizer.SimpleTokenizer(context_length=77)(MIXED_LENGTHS)
    shortened = encoder(model)
    assert shortened.can_shorten
    with torch.inference_mode():
        full = model.encode_text(token_ids)
        for rows in ([0, 1, 2, 3], [0, 1, 2], [1], [3, 0]):
            cut = shortened.encode_shortened(token_ids[rows])
            torch.testing.assert_close(cut, full[rows], atol=2e-6, rtol=0)


def test_only_the_needed_positions_are_computed():
    model = tiny_model()
    lengths = []
    model.token_embedding.register_forward_pre_hook(
        lambda _, inputs: lengths.append(inputs[0].shape[1])
    )
    encoder(model).encode(["cat"], torch.device("cpu"))
    assert lengths == [3]  # start, "cat", end


@pytest.mark.parametrize(
    "options",
    [{"no_causal_mask": True}, {"pool_type": "last"}, {"embed_cls": True, "output_tokens": True}],
    ids=["bidirectional", "pooled at the last position", "class token at the end"],
)
def test_other_towers_run_at_full_length(options):
    assert not encoder(tiny_model(custom_text=True, **options)).can_shorten


def test_bidirectional_tower_gives_its_own_embeddings():
    model = tiny_model(custom_text=True, no_causal_mask=True)
    with torch.inference_mode():
        expected = model.encode_text(
            open_clip.tokenizer.SimpleTokenizer(context_length=77)(["cat"])
        )
        found = encoder(model).encode(["cat"], torch.device("cpu"))
    torch.testing.assert_close(found, expected)


def test_a_text_seen_before_is_not_encoded_again():
    model = tiny_model()
    calls = []
    model.token_embedding.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    texts = encoder(model)
    with torch.inference_mode():
        first = texts.encode(["cat", "dog", "cat"], torch.device("cpu"))
        again = texts.encode(["dog"], torch.device("cpu"))
    assert calls == [2]
    assert torch.equal(first[0], first[2])
    assert torch.equal(first[1], again[0])


def test_the_cache_forgets_the_oldest_text():
    texts = encoder(tiny_model())
    with torch.inference_mode():
        texts.encode([f"text {number}" for number in range(CACHE_SIZE)], torch.device("cpu"))
        texts.encode(["text 0"], torch.device("cpu"))
        texts.encode([f"new {number}" for number in range(5)], torch.device("cpu"))
    assert len(texts._cache) == CACHE_SIZE
    assert [f"text {number}" in texts._cache for number in (0, 1, 5, 6)] == [
        True,
        False,
        False,
        True,
    ]


def test_a_tower_without_a_projection_gives_what_it_gathers():
    pooled = torch.ones(2, 4)
    assert _project(SimpleNamespace(text_projection=None), pooled) is pooled
