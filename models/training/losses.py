"""What a text-video model is trained to lower: contrastive, Kullback-Leibler, sigmoid loss."""

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


def kl_loss(
    logits: torch.Tensor, *, same_label: torch.Tensor, target_temperature: float = 10.0
) -> torch.Tensor:
    """The mean of the two Kullback-Leibler divergences from the targets (arXiv 2109.08472, 3.1).

    The target of a row is softmax(target_temperature · same_label): a little is left for what does
    not agree. How little depends on the number of videos B: with one agreeing video a row keeps
    0.9997 for it at B = 8 and 0.9556 at B = 1024, at the usual temperature of 10. The optimum is
    a gap of `target_temperature` between right and wrong logits, never more: this holds cosines
    of right and wrong pairs about 10 / exp(logit scale) apart. Infinity gives hard targets,
    uniform over what agrees: then it is `contrastive_loss` less the entropy of the targets.

    logits: (texts, videos), scaled similarities
    same_label: bool, same shape: where the label of the text holds of the video; or weights from
        0 to 1. A row or column without any counts neither in the sum nor in the mean.
    returns: scalar, at least 0, float32 or wider
    """
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    agreement = same_label.to(scores.dtype)
    text_to_video = _divergence(scores, agreement, target_temperature)
    video_to_text = _divergence(scores.T, agreement.T, target_temperature)
    return (text_to_video + video_to_text) / 2


def tag_loss(
    scores: torch.Tensor, holds: torch.Tensor, *, arguable: torch.Tensor | None = None
) -> torch.Tensor:
    """Each label on its own holds or does not: the sum over labels, the mean over videos.

    scores: (videos, labels), such as of `tagging.tag_scores`: 0 is undecided
    holds: bool, same shape
    arguable: bool, same shape: where a label is neither right nor wrong, and adds nothing
    """
    losses = F.binary_cross_entropy_with_logits(scores, holds.to(scores.dtype), reduction="none")
    if arguable is not None:
        losses = losses.masked_fill(arguable, 0.0)
    return losses.sum(dim=1).mean()


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


def _divergence(
    scores: torch.Tensor, agreement: torch.Tensor, target_temperature: float
) -> torch.Tensor:
    """Row by row from the target to the softmax of the scores; (rows, columns) → scalar."""
    total = agreement.sum(dim=1)
    if math.isinf(target_temperature):
        target = agreement / total.clamp_min(torch.finfo(scores.dtype).tiny).unsqueeze(1)
    else:
        target = (target_temperature * agreement).softmax(dim=1)
    # Targets of zero add nothing, though their logarithm is infinite.
    entropy = torch.special.entr(target).sum(dim=1)
    losses = -(target * scores.log_softmax(dim=1)).sum(dim=1) - entropy
    counted = total > 0
    return losses.masked_fill(~counted, 0.0).sum() / counted.sum().clamp(min=1)
