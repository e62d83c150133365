"""What a text-video model is trained to lower: the contrastive and the sigmoid loss."""

import math

import torch
from torch.nn import functional as F

# CLIP's own bound on the logit scale's parameter: a sharper softmax makes training unstable.
LARGEST_LOGIT_SCALE = math.log(100)


def contrastive_loss(
    logits: torch.Tensor,
    *,
    positives: torch.Tensor | None = None,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """The mean of the two cross-entropies: each text over the videos, each video over the texts.

    The target of a row or column is uniform over its positives. With the positives on the
    diagonal this is CLIP4Clip's loss (section 3.4).

    logits: (texts, videos), scaled similarities
    positives: bool, same shape; by default the diagonal. A row or column without any counts
        neither in the sum nor in the mean.
    ignored: bool, same shape: pairs that are neither right nor wrong and stay out of the
        softmax. A positive is never ignored.
    returns: scalar, float32 or wider

    Raises ValueError when there is no diagonal to take the positives from.
    """
    if positives is None:
        positives = _diagonal(logits)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    candidates = scores
    if ignored is not None:
        candidates = scores.masked_fill(ignored & ~positives, float("-inf"))
    text_to_video = _cross_entropy(scores, candidates, positives)
    video_to_text = _cross_entropy(scores.T, candidates.T, positives.T)
    return (text_to_video + video_to_text) / 2


def sigmoid_loss(
    logits: torch.Tensor,
    positives: torch.Tensor | None = None,
    *,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """SigLIP's loss (arXiv 2303.15343, section 3.2): each pair on its own is right or wrong.

    The sum over all pairs, divided by the number of texts. Arguments as in `contrastive_loss`;
    the logits must hold the model's bias too.
    """
    if positives is None:
        positives = _diagonal(logits)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = -F.logsigmoid(torch.where(positives, scores, -scores))
    if ignored is not None:
        losses = losses.masked_fill(ignored & ~positives, 0.0)
    return losses.sum() / len(logits)


def same_video(text_video_ids: torch.Tensor, video_ids: torch.Tensor) -> torch.Tensor:
    """The positives by video: where text i belongs to video j; bool, (texts, videos).

    text_video_ids: (texts,), the video that each text tells of
    video_ids: (videos,)
    """
    return text_video_ids.unsqueeze(1) == video_ids.unsqueeze(0)


@torch.no_grad()
def clamp_logit_scale_(parameter: torch.Tensor) -> None:
    """Keep the logit scale's parameter between 0 and ln 100; call it after every step."""
    parameter.clamp_(0, LARGEST_LOGIT_SCALE)


def _diagonal(logits: torch.Tensor) -> torch.Tensor:
    texts, videos = logits.shape
    if texts != videos:
        raise ValueError(f"{texts} texts and {videos} videos are not pairs: name the positives")
    return torch.eye(texts, dtype=torch.bool, device=logits.device)


def _cross_entropy(
    scores: torch.Tensor, candidates: torch.Tensor, positives: torch.Tensor
) -> torch.Tensor:
    """Row by row against a uniform target over the positives; (rows, columns) → scalar."""
    counts = positives.sum(dim=1)
    right = scores.masked_fill(~positives, 0.0).sum(dim=1) / counts.clamp(min=1)
    losses = candidates.logsumexp(dim=1) - right
    counted = counts > 0
    return losses.masked_fill(~counted, 0.0).sum() / counted.sum().clamp(min=1)
