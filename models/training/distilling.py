"""Training of a picture tower that gives what another one gives: the teacher's embeddings.

Both see the same picture, and the student is told nothing but what the teacher made of it (Hinton
et al., 2015, "Distilling the Knowledge in a Neural Network"; Beyer et al., 2022, "Knowledge
distillation: A good teacher is patient and consistent").
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from models.clip.preprocess import Preprocessing
from models.training.loop import StepReport, Task, Trainer, TrainingSettings
from models.training.optimisation import parameter_groups

# The shares of the losses that are added to the cosine's.
RELATIONS, TEXTS, LENGTHS = 1.0, 1.0, 0.1
# How sharply texts are told apart at most. At CLIP's own 100 there is one likely text and nothing
# to learn of the others, and a student that begins from nothing would learn that text alone.
_SHARPEST = 20.0
_AT_ONCE = 64
# As a share of the mean of what it is added to: features that hardly vary count for nothing.
_RIDGE = 1e-2
# Pictures are moved by up to this share of their side, so that none is seen twice the same.
_MOVED = 1 / 16


def explained_variance(told: torch.Tensor, wanted: torch.Tensor) -> float:
    """The share of the variance of `wanted`, (rows, dim), that `told` tells, mean over numbers."""
    error = (told - wanted).square().mean(dim=0)
    return float(1 - (error / wanted.var(dim=0)).mean())


def distillation_loss(
    told: torch.Tensor, wanted: torch.Tensor, texts: torch.Tensor, *, scale: float
) -> torch.Tensor:
    """How far a student's embeddings are from the teacher's, mean over the batch.

    Four parts: what their cosines lack; how much the pictures of the batch are alike, as in Tung
    and Mori, 2019, "Similarity-Preserving Knowledge Distillation" (for relations in general Park et
    al., 2019); how likely each text is for a picture, as in Hinton et al.; and their length, which
    temporal heads see.

    told, wanted: (batch, dim), not normalised
    texts: unit embeddings (texts, dim), perhaps none
    scale: the factor on the cosines with the texts
    """
    ours, theirs = F.normalize(told, dim=1), F.normalize(wanted, dim=1)
    loss = (1 - (ours * theirs).sum(dim=1)).mean()
    relations = (ours @ ours.T - theirs @ theirs.T).square().sum(dim=1).mean()
    lengths = (told.norm(dim=1).clamp(min=1e-6) / wanted.norm(dim=1).clamp(min=1e-6)).log()
    loss = loss + RELATIONS * relations + LENGTHS * lengths.square().mean()
    if len(texts):
        said = (scale * ours @ texts.T).log_softmax(dim=1)
        right = (scale * theirs @ texts.T).softmax(dim=1)
        loss = loss + TEXTS * F.kl_div(said, right, reduction="batchmean")
    return loss


class TaughtFrames(Protocol):
    """Frames beside what the teacher made of them."""

    steps_per_epoch: int

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Of a step: uint8 pictures (batch, 3, side, side), embeddings (batch, dim)."""

    def all(self) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        """All of them once, in batches as above."""


@dataclass(frozen=True)
class Lesson:
    """What a student learns by.

    texts: unit embeddings of labels and queries (texts, dim), perhaps none
    logit_scale: as CLIP stores it, the natural logarithm of the factor on cosines
    """

    frames: TaughtFrames
    texts: torch.Tensor
    logit_scale: float


class DistillationTask(Task):
    """A student and its lesson, as the training loop sees them."""

    def __init__(
        self,
        tower: nn.Module,
        lesson: Lesson,
        preprocessing: Preprocessing,
        settings: TrainingSettings,
        *,
        validate: Callable[[nn.Module], dict[str, float]],
        export: Callable[[nn.Module, Path, dict[str, float]], None],
        origin: dict[str, str],
    ) -> None:
        """validate, export: as in `TextVideoTask`, of the tower; origin: as of `Trainer`"""
        # The order in which processors convolve fastest.
        self.tower = self.modules = tower.to(memory_format=torch.channels_last).train()
        self._lesson, self._preprocessing, self._settings = lesson, preprocessing, settings
        self._validate, self._export, self._origin = validate, export, origin

    def trainer(
        self, folder: Path, *, on_step: Callable[[StepReport], None] = lambda _: None
    ) -> Trainer:
        """Its `run()` starts the training in a folder or goes on."""
        return Trainer(self, self._settings, folder, on_step=on_step, origin=self._origin)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All weights at one rate."""
        settings = self._settings
        return parameter_groups(
            self.tower,
            learning_rate=settings.backbone_learning_rate,
            weight_decay=settings.weight_decay,
        )

    def accumulate_gradients(
        self, step: int, scale: Callable[[torch.Tensor], torch.Tensor]
    ) -> float:
        """See `Task`."""
        pictures, wanted = self._lesson.frames.batch(step)
        told = self.tower(self._inputs(moved(pictures, seed=step))).float()
        with torch.autocast(told.device.type, enabled=False):
            loss = distillation_loss(
                told,
                wanted,
                self._lesson.texts,
                scale=min(math.exp(self._lesson.logit_scale), _SHARPEST),
            )
        scale(loss).backward()
        return float(loss.detach())

    def validate(self) -> dict[str, float]:
        """What the given function says of the tower."""
        return self._validate(self.tower)

    def export(self, folder: Path, figures: dict[str, float]) -> None:
        """Leave it to the given function."""
        self._export(self.tower, folder, figures)

    def _inputs(self, pictures: torch.Tensor) -> torch.Tensor:
        normalised = self._preprocessing.normalise(pictures)
        return normalised.contiguous(memory_format=torch.channels_last)


def moved(pictures: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Pictures a little aside, all alike, their edges drawn out; the same for the same seed.

    (batch, channels, height, width) uint8, and so again
    """
    most = max(1, round(pictures.shape[-1] * _MOVED))
    random = torch.Generator().manual_seed(seed)
    down, across = torch.randint(0, 2 * most + 1, (2,), generator=random).tolist()
    wide = F.pad(pictures.float(), (most,) * 4, mode="replicate").to(pictures.dtype)
    height, width = pictures.shape[-2:]
    return wide[:, :, down : down + height, across : across + width]


@torch.no_grad()
def fit_projection(
    network: nn.Module, projection: nn.Linear, frames: TaughtFrames, preprocessing: Preprocessing
) -> None:
    """Set the last layer so that it tells the teacher's embeddings best, by least squares.

    A network that sees already need not unlearn anything for a layer drawn at random (Kumar et
    al., 2022, "Fine-Tuning can Distort Pretrained Features"); one that sees nothing yet begins with
    the mean.
    """
    was_training = network.training
    network.eval()
    features, wanted = [], []
    for pictures, embeddings in frames.all():
        normalised = preprocessing.normalise(pictures).contiguous(memory_format=torch.channels_last)
        # Not every device knows doubles.
        features.append(network(normalised).cpu().double())
        wanted.append(embeddings.cpu().double())
    network.train(was_training)
    seen, goal = torch.cat(features), torch.cat(wanted)
    seen_mean, goal_mean = seen.mean(dim=0), goal.mean(dim=0)
    seen, goal = seen - seen_mean, goal - goal_mean
    squares = seen.T @ seen
    squares += (_RIDGE * squares.trace() / len(squares) + 1e-9) * torch.eye(len(squares)).double()
    weights = torch.linalg.solve(squares, seen.T @ goal)
    projection.weight.copy_(weights.T)
    projection.bias.copy_(goal_mean - seen_mean @ weights)


@torch.no_grad()
def embedded(
    tower: nn.Module, pictures: torch.Tensor, preprocessing: Preprocessing
) -> torch.Tensor:
    """What a tower in evaluation mode makes of uint8 pictures: float32 (pictures, dim)."""
    parts = (preprocessing.normalise(some) for some in pictures.split(_AT_ONCE))
    return torch.cat([tower(some.contiguous(memory_format=torch.channels_last)) for some in parts])
