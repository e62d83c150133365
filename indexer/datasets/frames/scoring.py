"""Scores of texts with clips whose frame embeddings are cached, by any head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.order import FORWARD, FrameOrder, in_order
from models.clip.backbone import Backbone
from models.heads.loose import LooseHead
from models.heads.query_pooling import query_aware_similarity
from models.heads.tight import TightTransf
from models.metrics.scores import CosineScores, Scores, StoredScores

# How many clips are read and fused at once, and how many texts are encoded at once.
_CLIPS_AT_ONCE = 256
_TEXTS_AT_ONCE = 256
# Query-aware weights are numbers for every text, clip and frame; a block holds this many.
_WEIGHTS_AT_ONCE = 4_000_000
_SEED = 42  # of shuffled frames


class ClipScorer:
    """Scores texts with clips, in the order of ``windows``, all of which must be cached.

    ``head``: a loose one, whose clip embeddings are made once; tightTransf, which scores each pair;
    or None, which weights each clip's frames by the text and needs no training. For these two the
    scores are worked out block by block and kept: four bytes for each pair of text and clip.
    ``order`` is that of each clip's frames; shuffled ones are the same in each run.
    """

    def __init__(
        self,
        head: LooseHead | TightTransf | None,
        cache: FrameCache,
        windows: Sequence[ClipWindow],
        *,
        device: torch.device,
        order: FrameOrder = FORWARD,
    ) -> None:
        self._device = device
        self._head = None if head is None else head.to(self._device).eval()
        self._cache, self._windows, self._order = cache, windows, order
        self._embeddings: torch.Tensor | None = None

    @torch.inference_mode()
    def scores(self, text_embeddings: torch.Tensor) -> Scores:
        """Scores of texts, (texts, dim), un-normalised, with all clips.

        Raises ScoresNotFinite when an embedding or a score is no number.
        """
        if isinstance(self._head, LooseHead):
            return CosineScores(text_embeddings.to(self._device), self._clip_embeddings(self._head))
        similarities = torch.empty(len(text_embeddings), len(self._windows))
        texts = text_embeddings.to(self._device)
        for start, frames, mask in self._blocks():
            stop = start + len(frames)
            similarities[:, start:stop] = self._pairwise(texts, frames, mask).cpu()
        return StoredScores(similarities)

    def _clip_embeddings(self, head: LooseHead) -> torch.Tensor:
        """Unit embeddings of the clips; shape: (clips, dim)."""
        if self._embeddings is None:
            self._embeddings = torch.cat([head(frames, mask) for _, frames, mask in self._blocks()])
        return self._embeddings

    def _pairwise(
        self, texts: torch.Tensor, frames: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        if self._head is not None:
            return self._head(texts, frames, mask)
        step = max(1, _WEIGHTS_AT_ONCE // mask.numel())
        return torch.cat([query_aware_similarity(part, frames, mask) for part in texts.split(step)])

    def _blocks(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """(position of the first clip, frame embeddings, mask) of some clips at a time."""
        for start in range(0, len(self._windows), _CLIPS_AT_ONCE):
            frames, mask = self._cache.batch(self._windows[start : start + _CLIPS_AT_ONCE])
            frames = in_order(frames, mask, self._order, np.random.default_rng([_SEED, start]))
            yield start, frames.to(self._device).float(), mask.to(self._device)


def embed_captions(backbone: Backbone, captions: Sequence[str]) -> torch.Tensor:
    """Text embeddings of captions, not normalised, (captions, dim); equal ones are encoded once."""
    distinct = list(dict.fromkeys(captions))
    parts = [
        backbone.embed_texts(distinct[start : start + _TEXTS_AT_ONCE])
        for start in range(0, len(distinct), _TEXTS_AT_ONCE)
    ]
    positions = {caption: position for position, caption in enumerate(distinct)}
    return torch.cat(parts)[[positions[caption] for caption in captions]]
