"""Pooling the frames of a video by how well they fit a query."""

import torch
from torch.nn import functional as F

from models.frame_sets import at_least_float32, without_padding

# CLIP's own temperature, as its logit scale ends at 100: the weights are then the probabilities
# with which the model would pick each frame for the text.
_QUERY_TEMPERATURE = 0.01


def query_aware_similarity(
    text_embeddings: torch.Tensor,
    frame_embeddings: torch.Tensor,
    mask: torch.Tensor,
    *,
    temperature: float = _QUERY_TEMPERATURE,
) -> torch.Tensor:
    """Cosines of texts with videos whose frames are weighted by how well they fit the text.

    The weights are a softmax over the frames of their cosines with the text, divided by
    `temperature` (query scoring, arXiv 2205.08508). Large temperatures give meanP, small
    ones the best frame alone.

    text_embeddings: (texts, dim); frame_embeddings: (videos, frames, dim)
    mask: bool (videos, frames)
    returns: (texts, videos)

    Raises EmptyVideo.
    """
    texts = F.normalize(at_least_float32(text_embeddings), dim=1)
    frames = F.normalize(without_padding(frame_embeddings, mask), dim=2)
    cosines = torch.einsum("td,vfd->tvf", texts, frames)
    weights = (cosines / temperature).masked_fill(~mask, -torch.inf).softmax(dim=2)
    # The length of each weighted mean, from the frames' cosines with each other: the means
    # themselves would be texts × videos × dim numbers.
    between = frames @ frames.mT
    squared = (torch.einsum("tvf,vfg->tvg", weights, between) * weights).sum(dim=2)
    return (weights * cosines).sum(dim=2) / squared.clamp_min(1e-12).sqrt()
