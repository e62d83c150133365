"""Fewer digits are for heavy towers, on processors that have them."""

import pytest
import torch

from models.clip.engines import conversion
from models.clip.engines.conversion import ConversionRefused
from tests.tiny import tiny_backbone

PICTURE = torch.zeros(1, 3, 32, 32)


def precision_for(monkeypatch: pytest.MonkeyPatch, *, has_bfloat16: bool) -> str:
    monkeypatch.setattr(conversion, "has_bfloat16", lambda: has_bfloat16)
    return conversion._precision_for(tiny_backbone().model, PICTURE)


def test_a_light_tower_keeps_all_digits_and_nothing_is_said(monkeypatch, capsys):
    assert precision_for(monkeypatch, has_bfloat16=True) == "float32"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("work", "precision"), [(999_999_999, "float32"), (10**9, "bfloat16")])
def test_a_thousand_million_operations_are_worth_the_trouble(work, precision, monkeypatch):
    monkeypatch.setattr(conversion.FlopCounterMode, "get_total_flops", lambda _: work)
    assert precision_for(monkeypatch, has_bfloat16=True) == precision
    assert precision_for(monkeypatch, has_bfloat16=False) == "float32"


def test_tracing_leaves_all_as_it_was(monkeypatch):
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ZeroDivisionError), conversion._quiet_tracing():
        assert not torch.backends.mha.get_fastpath_enabled()
        assert conversion.logging.root.manager.disable == conversion.logging.WARNING
        raise ZeroDivisionError
    assert torch.backends.mha.get_fastpath_enabled() == before
    assert conversion.logging.root.manager.disable == conversion.logging.NOTSET


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(" not on a Monday \nnor any other day"), "not on a Monday "),
        (ValueError("x" * 161), "x" * 160),
        (ValueError(), "ValueError"),
    ],
)
def test_a_refusal_is_one_line(error, told, monkeypatch):
    def trace(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.jit, "trace", trace)
    with pytest.raises(ConversionRefused) as caught:
        conversion._graph(torch.nn.Identity(), [PICTURE])
    assert str(caught.value) == f"it cannot be converted: {told}"
