"""How well actions are recognised: accuracies, average precision, confusions.

What was said of the clips is a matrix, shape (clips, labels): probabilities, or any scores, of
which more is better. A clip of which nothing could be said, because its file cannot be decoded,
has a row of `NOTHING_SAID`: it counts, as wrong. What is true is either one label for each clip,
shape (clips,), or a table, bool (clips, labels), where several labels may hold or none.

Equal probabilities count against the model, so one that always says the same is worst, not best.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from models.metrics.scores import ScoresNotFinite

NOTHING_SAID = -torch.inf


@dataclass(frozen=True)
class ClassMean:
    """A figure in percent for each label, and its mean over the labels that have clips.

    of_label: (labels,), float64, NaN where a label has no clip
    labels_without_clips: how many labels take no part in the mean
    """

    mean: float
    of_label: torch.Tensor
    labels_without_clips: int


@dataclass(frozen=True)
class Detection:
    """What is right of all (clip, label) that were said, at one threshold; in percent.

    precision: how much of what was said is true; None if nothing was said
    recall: how much of what is true was said; None if no label holds anywhere
    silent: how many clips without any label nothing was said of; None without such clips
    """

    precision: float | None
    recall: float | None
    silent: float | None


def label_ranks(probabilities: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The rank of each clip's label: 1 + how many others are as probable or more.

    Where several labels hold it is that of the best one, among those that do not hold. A clip of
    which nothing was said, or that has no label, comes after all: labels + 1.

    probabilities: (clips, labels); truth: (clips,) or bool (clips, labels)
    returns: (clips,), int64

    Raises ScoresNotFinite for NaN, ValueError for shapes that do not fit.
    """
    holds = _table(truth, probabilities)
    silent = _silent(probabilities) | ~holds.any(dim=1).cpu()
    own = probabilities.masked_fill(~holds, NOTHING_SAID).amax(dim=1, keepdim=True)
    better = (probabilities >= own) & ~holds
    return (1 + better.sum(dim=1)).cpu().masked_fill(silent, probabilities.shape[1] + 1)


def top_k(probabilities: torch.Tensor, truth: torch.Tensor, k: int) -> float:
    """Percent of the clips of which a label is among the `k` most probable ones.

    Raises as `label_ranks`; ValueError without clips.
    """
    return _percent(label_ranks(probabilities, truth) <= min(k, probabilities.shape[1]))


def mean_per_class(probabilities: torch.Tensor, labels: torch.Tensor) -> ClassMean:
    """Top-1 for each label, and its mean: a label with few clips weighs as much as any."""
    right = (label_ranks(probabilities, labels) == 1).double()
    labels = labels.cpu()
    total = torch.bincount(labels, minlength=probabilities.shape[1])
    hits = torch.bincount(labels, weights=right, minlength=probabilities.shape[1])
    return _class_mean(hits / total, total)


def mean_average_precision(probabilities: torch.Tensor, holds: torch.Tensor) -> ClassMean:
    """The precision of each label at every clip that has it, averaged: Charades' own measure.

    Clips without any label take no part (Charades puts them last, which comes to the same).
    Among equal probabilities the clips that do not have the label come first. A clip of which
    nothing was said is never found: precision 0.

    probabilities: (clips, labels); holds: bool (clips, labels)

    Raises ScoresNotFinite for NaN, ValueError for shapes that do not fit.
    """
    probabilities = probabilities.cpu()
    holds = _table(holds, probabilities)
    silent = _silent(probabilities)
    labelled = holds.any(dim=1)
    holds, found = holds[labelled], holds[labelled] & ~silent[labelled, None]
    order = _worst_first(probabilities[labelled], holds)
    found = found.gather(0, order).double()
    places = torch.arange(1, len(found) + 1, dtype=torch.float64)[:, None]
    precision = found.cumsum(dim=0) / places
    total = holds.sum(dim=0)
    return _class_mean((precision * found).sum(dim=0) / total, total)


def detection(probabilities: torch.Tensor, holds: torch.Tensor, *, threshold: float) -> Detection:
    """What comes of saying every label whose probability is at least `threshold`.

    probabilities: (clips, labels); holds: bool (clips, labels)

    Raises ScoresNotFinite for NaN, ValueError for shapes that do not fit.
    """
    holds = _table(holds, probabilities)
    _check_not_nan(probabilities)
    said = probabilities >= threshold
    without = ~holds.any(dim=1)
    return Detection(
        precision=_share(holds[said]),
        recall=_share(said[holds]),
        silent=_share(~said[without].any(dim=1)),
    )


def predicted_labels(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The most probable label of each clip; shape: (clips,), int64; -1 where nothing was said.

    Where the clip's own label shares the first place with others, one of those is named.
    """
    silent = _silent(probabilities)
    places = labels.to(probabilities.device)[:, None]
    own = probabilities.gather(1, places)[:, 0]
    others = probabilities.scatter(1, places, NOTHING_SAID).max(dim=1)
    is_wrong = others.values >= own
    return torch.where(is_wrong, others.indices, places[:, 0]).cpu().masked_fill(silent, -1)


def confusion_matrix(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many clips of each label (row) were taken for which label (column).

    The last column counts the clips of which nothing was said, so a row's sum is the number of
    its clips. The diagonal agrees with top-1.

    shape: (labels, labels + 1), int64
    """
    count = probabilities.shape[1]
    predicted = predicted_labels(probabilities, labels)
    columns = torch.where(predicted < 0, count, predicted)
    cells = labels.cpu() * (count + 1) + columns
    return torch.bincount(cells, minlength=count * (count + 1)).view(count, count + 1)


def _silent(probabilities: torch.Tensor) -> torch.Tensor:
    """Which clips nothing was said of; bool (clips,), on the CPU. Raises ScoresNotFinite."""
    _check_not_nan(probabilities)
    return (probabilities == NOTHING_SAID).all(dim=1).cpu()


def _check_not_nan(probabilities: torch.Tensor) -> None:
    if probabilities.isnan().any():
        clip, label = probabilities.isnan().nonzero()[0].tolist()
        raise ScoresNotFinite(
            f"the probability of label {label} for clip {clip} is NaN: nothing can be told from it"
        )


def _table(truth: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Which label holds for which clip, on the device of the probabilities."""
    count = probabilities.shape[1]
    holds = F.one_hot(truth, count).bool() if truth.dim() == 1 else truth
    if holds.shape != probabilities.shape:
        shapes = f"{tuple(holds.shape)} and {tuple(probabilities.shape)}"
        raise ValueError(f"what is true and what was said have different shapes: {shapes}")
    return holds.to(probabilities.device)


def _worst_first(probabilities: torch.Tensor, holds: torch.Tensor) -> torch.Tensor:
    """Clips by falling probability for each label, among equals first those that are wrong."""
    wrong_first = holds.byte().argsort(dim=0, stable=True)
    by_probability = probabilities.gather(0, wrong_first).argsort(
        dim=0, descending=True, stable=True
    )
    return wrong_first.gather(0, by_probability)


def _class_mean(shares: torch.Tensor, total: torch.Tensor) -> ClassMean:
    known = total > 0
    if not known.any():
        raise ValueError("there are no clips to measure")
    return ClassMean(100 * float(shares[known].mean()), 100 * shares, int((~known).sum()))


def _percent(right: torch.Tensor) -> float:
    if not len(right):
        raise ValueError("there are no clips to measure")
    return 100 * float(right.double().mean())


def _share(right: torch.Tensor) -> float | None:
    return _percent(right) if right.numel() else None
