"""Which texts a model can tell of, by what it knows by name. Free of torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KnownTexts:
    """Which texts a model can tell of: those whose meaning is near one of its names.

    names: what it knows by name, (names, width), unit length from the middle of all names
    least: the least cosine with the nearest name
    """

    names: np.ndarray
    least: float

    def nearness(self, texts: np.ndarray) -> np.ndarray:
        """The cosine of texts, embeddings (texts, dim), with the name nearest to each, (texts,).

        What a text means is the first `width` numbers of its embedding.
        """
        meant = texts[:, : self.names.shape[1]]
        lengths = np.linalg.norm(meant, axis=1, keepdims=True)
        return np.asarray((meant / np.maximum(lengths, 1e-12) @ self.names.T).max(axis=1))

    def of(self, texts: np.ndarray) -> np.ndarray:
        """Which of these, bool (texts,)."""
        return self.nearness(texts) >= self.least
