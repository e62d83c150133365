"""Which labels hold of a video, and how likely: ActionCLIP's classification and tags.

Two questions are answered. Which one label of a list is it (`class_probabilities`: the labels
share one probability)? And which labels hold, each on its own (`tag_probabilities`: several may,
or none)? A logit scale is given as CLIP stores it: the natural logarithm of the factor.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from models.frame_sets import at_least_float32

# How many rows of a library its floors are measured on: their quartile lies within one percent of
# ranks of the true one.
FLOOR_ROWS = 8192
# The share of the segments below a label's floor. A label that holds in half of a library
# still has its floor among the segments in which it does not.
_FLOOR_QUANTILE = 0.25
# How many segments a library has when floors count half: those of a few videos say little.
_FLOOR_HALF_WEIGHT = 200
_LABELS_AT_ONCE = 512
# e^10 = 22,000. No model has such a factor, so it must be one that was given in another way.
_IMPOSSIBLE_LOGIT_SCALE = 10.0


@dataclass(frozen=True)
class Background:
    """What a label is compared with before it is said to hold.

    neutral: unit embeddings (sentences, dim) of sentences that say nothing
    label_floor: (labels,), by how much each label's cosines lie above those of the others all
        over the library; zeros until a library has been measured, see `measure_floor`
    """

    neutral: torch.Tensor
    label_floor: torch.Tensor

    @classmethod
    def unmeasured(cls, neutral: torch.Tensor, labels: int) -> "Background":
        """The background before any library is known."""
        return cls(neutral, torch.zeros(labels))


@dataclass(frozen=True)
class Calibration:
    """How a score becomes a probability: sigmoid(scale · score + offset)."""

    scale: float = 1.0
    offset: float = 0.0


def class_probabilities(
    videos: torch.Tensor, texts: torch.Tensor, *, logit_scale: float
) -> torch.Tensor:
    """How likely each label is, if exactly one holds; (videos, labels), rows sum to 1.

    A softmax over the labels for each template; the probabilities are averaged over the templates
    (ActionCLIP, arXiv 2109.08472, section 3).

    videos: (videos, dim), unit
    texts: (templates, labels, dim), unit; or (labels, dim), one text for each label
    """
    factor = _factor(logit_scale)
    videos = at_least_float32(videos)
    templates = texts if texts.ndim == 3 else texts.unsqueeze(0)
    total = torch.zeros(len(videos), templates.shape[1], device=videos.device, dtype=videos.dtype)
    for labels in templates:
        total += (factor * videos @ at_least_float32(labels).T).softmax(dim=1)
    return total / len(templates)


def averaged_embeddings(texts: torch.Tensor) -> torch.Tensor:
    """One unit embedding for each label: the mean of its templates' unit embeddings.

    (templates, labels, dim) → (labels, dim)
    """
    unit = F.normalize(at_least_float32(texts), dim=-1)
    return F.normalize(unit.mean(dim=0), dim=1)


def tag_scores(
    videos: torch.Tensor,
    labels: torch.Tensor,
    background: Background,
    *,
    logit_scale: float | torch.Tensor,
) -> torch.Tensor:
    """By how much each label fits better than the neutral sentences; float32 (videos, labels).

    z = e^s · (cosine with the label − its floor) − logsumexp over the sentences of
    e^s · (cosine with the sentence), s being the logit scale; a tensor has a gradient.

    videos: (videos, dim), unit; labels: (labels, dim), unit
    """
    factor = _factor(logit_scale)
    scaled = factor * at_least_float32(videos)
    neutral = (scaled @ at_least_float32(background.neutral).T).logsumexp(dim=1, keepdim=True)
    return scaled @ at_least_float32(labels).T - (factor * background.label_floor + neutral)


def tag_probabilities(
    videos: torch.Tensor,
    labels: torch.Tensor,
    background: Background,
    calibration: Calibration,
    *,
    logit_scale: float,
) -> torch.Tensor:
    """How likely each label holds, whatever the others do; float32 (videos, labels).

    Arguments as in `tag_scores`.
    """
    scores = tag_scores(videos, labels, background, logit_scale=logit_scale)
    return scores.mul_(calibration.scale).add_(calibration.offset).sigmoid_()


def rows_for_floor(count: int) -> range:
    """Which of `count` segments to measure floors on: evenly spaced, `FLOOR_ROWS` or a few more."""
    return range(0, count, max(1, count // FLOOR_ROWS))


def measure_floor(
    videos: torch.Tensor, labels: torch.Tensor, *, segments: int | None = None
) -> torch.Tensor:
    """By how much each label is too near to everything in a library; float32 (labels,).

    Some labels have a high cosine with any video at all. A label's floor is a low quantile of
    its cosines over the segments, less the mean of this over the labels. Floors of few segments
    are drawn towards 0.

    videos: (rows, dim), unit, of any precision; of many, some evenly spaced rows are used
    labels: (labels, dim), unit
    segments: how many the library has, where `videos` are some of them (see `rows_for_floor`)
    """
    if len(videos) == 0:
        return torch.zeros(len(labels))
    rows = rows_for_floor(len(videos))
    sample = at_least_float32(videos[:: rows.step])
    rank = max(1, math.ceil(_FLOOR_QUANTILE * len(sample)))
    parts = [
        (at_least_float32(some) @ sample.T).kthvalue(rank, dim=1).values
        for some in labels.split(_LABELS_AT_ONCE)
    ]
    low = torch.cat(parts)
    count = len(videos) if segments is None else segments
    weight = count / (count + _FLOOR_HALF_WEIGHT)
    return weight * (low - low.mean())


def best_labels(probabilities: torch.Tensor, *, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest labels of each row, best first: numbers (rows, k) and probabilities (rows, k).

    k is `most`, or the number of labels where there are fewer.
    """
    found = probabilities.topk(min(most, probabilities.shape[1]), dim=1)
    return found.indices, found.values


def unit_texts(embeddings: torch.Tensor) -> torch.Tensor:
    """Text embeddings as a model gives them, scaled to unit length; float32, the same shape."""
    return F.normalize(at_least_float32(embeddings), dim=-1)


def _factor(logit_scale: float | torch.Tensor) -> Any:
    """A number, or a tensor where a tensor was given."""
    if isinstance(logit_scale, torch.Tensor):
        return logit_scale.exp()
    if logit_scale > _IMPOSSIBLE_LOGIT_SCALE:
        raise ValueError(
            f"a logit scale of {logit_scale} is none: give the natural logarithm of the factor"
        )
    return math.exp(logit_scale)
