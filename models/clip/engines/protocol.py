"""What every engine can do. Free of torch."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np


class OutOfMemory(Exception):
    """A batch of pictures does not fit into the device's memory."""


class Engine(Protocol):
    """Computes a model's embeddings; what goes in and comes out are NumPy arrays.

    name: of `models.clip.engines.choice.ENGINES`; precision: what pictures are encoded in;
    batch_size: how many pictures at a time suit it
    texts_precision: what many texts at once may be computed in
    pads_texts: whether each text takes as long as the longest that the model can read, for it sees
        the padding too
    """

    name: str
    precision: str
    batch_size: int
    texts_precision: str
    pads_texts: bool

    def pictures(self, pictures: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """uint8 RGB pictures of the model's size, (n, height, width, 3) → float32 (n, dim).

        places: of a model whose frames see those beside them, see `models.clip.patches`; others
            are not given any

        Raises OutOfMemory.
        """

    def tokens(self, token_ids: np.ndarray) -> np.ndarray:
        """int64 token ids (texts, context) → float32 (texts, dim); at least one text."""

    def many_texts(
        self, token_ids: np.ndarray, *, precision: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same some at a time, in the order that suits: numbers of texts, and their embeddings.

        precision: what they may be computed in, where some of them agree with those in float32;
            an engine may take more digits
        """
