"""Whether a sketch is recognised: CLIP names what is in a picture, one of several labels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from models.clip.backbone import Backbone
from models.metrics.actions import top_k


class Recogniser:
    """Names things in pictures as a CLIP model sees them."""

    def __init__(self, backbone: Backbone, prompts: Sequence[Sequence[str]]) -> None:
        """prompts: for each label the sentences that tell of it, whose embeddings are averaged."""
        self._backbone = backbone
        means = [
            functional.normalize(backbone.embed_texts(list(sentences)).float(), dim=1).mean(dim=0)
            for sentences in prompts
        ]
        self._labels = functional.normalize(torch.stack(means), dim=1).cpu()

    def scores(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        """Cosines, (pictures, labels), of pictures float (height, width) or (height, width, 3)."""
        frames = [_as_frame(picture)[None] for picture in pictures]
        seen = torch.cat(self._backbone.embed_clips(frames))
        return functional.normalize(seen.float(), dim=1) @ self._labels.T


def named(scores: torch.Tensor, truth: Sequence[int]) -> tuple[float, float]:
    """Percent of the pictures whose label comes first, and is among the first three."""
    right = torch.tensor(truth)
    return top_k(scores, right, 1), top_k(scores, right, 3)


def _as_frame(picture: np.ndarray) -> np.ndarray:
    pixels = np.round(picture * 255).clip(0, 255).astype(np.uint8)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
