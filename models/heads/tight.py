"""The tight head of CLIP4Clip: one transformer over a text and the frames of a video together."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from models.frame_sets import Standardisation, at_least_float32, without_padding
from models.heads.blocks import Initialisation, PositionedTransformer, quick_gelu
from models.heads.config import HeadConfig
from models.heads.positions import FramePlaces

_DROPOUT = 0.1
_INITIAL_DEVIATION = 0.02


class TightTransf(FramePlaces, nn.Module):
    """tightTransf (arXiv 2104.08860, section 3.3): a score for every pair of text and video.

    The sequence is the text's embedding and then the frames', un-normalised, with positions
    added; after the transformer the text's place is normalised, pooled and scored by a linear
    layer. Scores are logits: no cosine, no scale. It cannot be indexed, only re-rank.

    Positions past those that were learnt are interpolated (`positions.FramePlaces`).
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.initialisation = Initialisation()
        self.frame_inputs = Standardisation(config.dim) if config.standardised else None
        self.text_inputs = Standardisation(config.dim) if config.standardised else None
        self.transformer = PositionedTransformer(config)
        self.norm = nn.LayerNorm(config.dim, eps=config.layer_norm_epsilon)
        self.dense = nn.Linear(config.dim, config.dim)
        self.score = nn.Linear(config.dim, 1)
        for layer in (self.dense, self.score):
            nn.init.normal_(layer.weight, std=_INITIAL_DEVIATION)
            nn.init.zeros_(layer.bias)

    def fit_inputs(
        self,
        frame_embeddings: torch.Tensor,
        mask: torch.Tensor,
        text_embeddings: torch.Tensor | None = None,
    ) -> None:
        """Like `LooseHead.fit_inputs`; a standardised head also needs texts, (texts, dim)."""
        if self.frame_inputs is None or self.text_inputs is None:
            return
        if text_embeddings is None:
            raise ValueError("tightTransf reads texts too: fit it to frames and texts")
        self.frame_inputs.fit(frame_embeddings, mask)
        self.text_inputs.fit(text_embeddings)

    def forward(
        self,
        text_embeddings: torch.Tensor,
        frame_embeddings: torch.Tensor,
        mask: torch.Tensor,
        *,
        pairs_at_once: int = 4096,
    ) -> torch.Tensor:
        """A logit for every text and video: (texts, videos).

        No more than `pairs_at_once` pairs are in work at a time, in training too, where the
        chunks are then worked out a second time for the gradient. The scores do not depend
        on it (those in training mode do, as dropout is drawn chunk by chunk).

        text_embeddings: (texts, dim), un-normalised
        frame_embeddings: (videos, frames, dim), un-normalised
        mask: bool (videos, frames)

        Raises EmptyVideo.
        """
        if pairs_at_once < 1:
            raise ValueError(f"pairs_at_once must be 1 or more, not {pairs_at_once}")
        texts, frames = self._placed(text_embeddings, frame_embeddings, mask)
        key_mask = F.pad(mask, (1, 0), value=True)
        pairs = torch.arange(len(texts) * len(frames), device=texts.device)
        chunks = pairs.split(pairs_at_once)
        again = len(chunks) > 1 and torch.is_grad_enabled()
        scores = [
            checkpoint(self._score, texts, frames, key_mask, chunk, use_reentrant=False)
            if again
            else self._score(texts, frames, key_mask, chunk)
            for chunk in chunks
        ]
        return torch.cat(scores).view(len(texts), len(frames))

    def _placed(
        self, text_embeddings: torch.Tensor, frame_embeddings: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Texts and frames with their positions added; the first row of the table is the text's."""
        texts = at_least_float32(text_embeddings)
        frames = without_padding(frame_embeddings, mask)
        if self.text_inputs is not None and self.frame_inputs is not None:
            texts, frames = self.text_inputs(texts), self.frame_inputs(frames)
        return texts + self.transformer.positions[0], frames + self.places(mask)

    def frame_table(self) -> torch.Tensor:
        return self.transformer.positions[1:]

    def _score(
        self, texts: torch.Tensor, frames: torch.Tensor, key_mask: torch.Tensor, pairs: torch.Tensor
    ) -> torch.Tensor:
        """Logits of some pairs, numbered text by text: (pairs,)."""
        text_rows, video_rows = pairs // len(frames), pairs % len(frames)
        sequence = torch.cat([texts[text_rows].unsqueeze(1), frames[video_rows]], dim=1)
        sequence = F.dropout(sequence, _DROPOUT, self.training)
        # Only the text's place is read, so the last block need not work out the frames'.
        first = self.transformer(sequence, key_mask[video_rows], queries=1).squeeze(1)
        scores: torch.Tensor = self.score(quick_gelu(self.dense(self.norm(first)))).squeeze(1)
        return scores
