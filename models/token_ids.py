"""Token ids of texts as a model takes them. Free of torch."""

from collections.abc import Sequence

import numpy as np


def fitted(read: Sequence[Sequence[int]], context: int) -> np.ndarray:
    """The ids of each text in a row of `context`, int64 (texts, context), zeros after the end.

    Longer texts are cut off before their last id, which marks the end.
    """
    ids = np.zeros((len(read), context), np.int64)
    for row, one in zip(ids, read, strict=True):
        fitting = one if len(one) <= context else [*one[: context - 1], one[-1]]
        row[: len(fitting)] = fitting
    return ids
