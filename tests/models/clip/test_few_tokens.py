"""The quick way through a transformer over few tokens gives what the plain modules give."""

import pytest
import torch
from open_clip.transformer import QuickGELU, Transformer

from models.clip import few_tokens
from models.clip.few_tokens import run_transformer


def causal(length: int) -> torch.Tensor:
    return torch.full((length, length), float("-inf")).triu_(1)


@pytest.fixture
def used(monkeypatch) -> list[int]:
    """How many rows each quick product had."""
    rows: list[int] = []
    linear = few_tokens._linear

    def noted(hidden, weight, bias):
        rows.append(hidden.shape[0] * hidden.shape[1])
        return linear(hidden, weight, bias)

    monkeypatch.setattr(few_tokens, "_linear", noted)
    return rows


def compare(transformer: Transformer, hidden: torch.Tensor) -> None:
    mask = causal(hidden.shape[1])
    with torch.inference_mode():
        plain = transformer(hidden, attn_mask=mask)
        torch.testing.assert_close(run_transformer(transformer, hidden, mask), plain)


@pytest.mark.parametrize("options", [{}, {"act_layer": QuickGELU}, {"ls_init_value": 0.3}])
@pytest.mark.parametrize("shape", [(1, 3), (1, 12), (4, 16)])
def test_equals_the_plain_transformer(options, shape, used):
    torch.manual_seed(1)
    transformer = Transformer(width=64, layers=3, heads=4, **options).eval()
    compare(transformer, torch.randn(*shape, 64))
    assert used == [shape[0] * shape[1]] * 12


@pytest.mark.parametrize(
    ("options", "shape"),
    [({}, (5, 16)), ({"qk_norm": True}, (1, 4)), ({"batch_first": False}, (1, 4))],
    ids=["many rows", "other blocks", "tokens first"],
)
def test_all_else_is_left_to_the_plain_transformer(options, shape, used):
    torch.manual_seed(1)
    compare(Transformer(width=64, layers=2, heads=4, **options).eval(), torch.randn(*shape, 64))
    assert used == []


def test_training_goes_through_the_plain_transformer(used):
    transformer = Transformer(width=64, layers=1, heads=4)
    run_transformer(transformer, torch.randn(1, 4, 64), causal(4)).sum().backward()
    assert used == []
    assert transformer.resblocks[0].mlp.c_fc.weight.grad is not None
