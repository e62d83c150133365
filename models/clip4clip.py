"""Fusing a segment's frame embeddings into one (CLIP4Clip, arXiv 2104.08860)."""

import torch
from torch.nn import functional as F


def mean_pool(frame_embeddings: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The parameter-free head meanP (section 3.3): unit video embeddings.

    Every frame is scaled to unit length, their weighted mean taken and scaled again.

    frame_embeddings: (batch, frames, dim), un-normalised
    weights: (batch, frames), how many sampled frames each row stands for; 0 for padding
    returns: (batch, dim)

    Raises ValueError for a video whose weights are all zero.
    """
    if not (weights.sum(dim=1) > 0).all():
        raise ValueError("a video without frames has no embedding")
    unit_frames = F.normalize(frame_embeddings, dim=-1)
    # Padding may hold anything, even NaN, which a zero weight alone would let through.
    unit_frames = unit_frames.masked_fill((weights <= 0).unsqueeze(-1), 0.0)
    pooled = (unit_frames * weights.unsqueeze(-1)).sum(dim=1)
    return F.normalize(pooled, dim=-1)
