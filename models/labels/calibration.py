"""From scores to probabilities, learnt from examples."""

import torch
from torch.nn import functional as F

from models.labels.tagging import Calibration

_STEPS = 100
_SETTLED = 1e-10  # of the gradient, for each example


def fit_calibration(scores: torch.Tensor, holds: torch.Tensor) -> Calibration:
    """The logistic curve that the examples follow best (Platt scaling).

    Targets are drawn inwards by the number of examples of each kind, as Platt does, so that
    scores which tell all examples apart do not give an infinitely steep curve (Platt 1999, in
    the form of Lin, Lin and Weng 2007). Scores that fall where they should rise get scale 0: all
    probabilities are then the share of the examples that hold.

    scores: (examples,), such as all entries of `tagging.tag_scores`
    holds: (examples,) bool

    Raises ValueError when one of the two kinds is missing or a score is not finite.
    """
    values = scores.reshape(-1).double()
    truth = holds.reshape(-1)
    yes, no = int(truth.sum()), int((~truth).sum())
    if not yes or not no:
        raise ValueError("calibration needs examples that hold and examples that do not")
    if not values.isfinite().all():
        raise ValueError("scores must be finite")
    target = torch.where(truth, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0)).double()
    deviation, mean = torch.std_mean(values)
    spread = max(float(deviation), 1e-30)
    slope, height = _logistic(((values - mean) / spread), target)
    if slope <= 0.0:
        return Calibration(0.0, float(target.mean().logit()))
    return Calibration(slope / spread, height - slope * float(mean) / spread)


def _logistic(values: torch.Tensor, target: torch.Tensor) -> tuple[float, float]:
    """Slope and height of the curve of least cross-entropy, by Newton's method."""
    inputs = torch.stack([values, torch.ones_like(values)])
    weights = torch.stack([torch.zeros((), dtype=torch.double), target.mean().logit()])
    loss = _cross_entropy(weights @ inputs, target)
    for _ in range(_STEPS):
        likely = (weights @ inputs).sigmoid()
        gradient = (inputs * (likely - target)).mean(dim=1)
        if float(gradient.abs().max()) < _SETTLED:
            break
        curvature = (inputs * (likely * (1 - likely))) @ inputs.T / len(target)
        step = torch.linalg.solve(curvature, gradient)
        weights, loss = _descended(weights, step, loss, inputs, target)
    return float(weights[0]), float(weights[1])


def _descended(
    weights: torch.Tensor,
    step: torch.Tensor,
    loss: torch.Tensor,
    inputs: torch.Tensor,
    target: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights after the step, halved until it does not lead upwards."""
    tried = weights - step
    # Written so that what is no number is halved too: a step may overflow.
    while not (found := _cross_entropy(tried @ inputs, target)) <= loss:
        step = step / 2
        tried = weights - step
    return tried, found


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, target)
