"""Counts the texts that models in PyTorch read."""

from collections.abc import Iterator

import numpy as np
import pytest

from models.clip.engines.in_torch import TorchEngine


def count_texts_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were read each time from now on, by any model; it grows."""
    counts: list[int] = []
    real = TorchEngine.many_texts

    def counting(self: TorchEngine, token_ids: np.ndarray, **options: str) -> Iterator[tuple]:
        counts.append(len(token_ids))
        return real(self, token_ids, **options)

    monkeypatch.setattr(TorchEngine, "many_texts", counting)
    return counts
