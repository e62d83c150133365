"""A student in training: its loss against formulas written out, its beginning, its learning."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from models.clip.preprocess import Preprocessing
from models.training.distilling import (
    DistillationTask,
    Lesson,
    distillation_loss,
    embedded,
    explained_variance,
    fit_projection,
    moved,
)
from models.training.loop import TrainingSettings

SEEN = Preprocessing((8, 8), (0.5,) * 3, (0.5,) * 3, "bicubic", "shortest", 0)


class Tower(nn.Module):
    """The mean colour of each quarter of a picture, and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.projection = nn.Linear(12, 5)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.projection(self.network(pictures))


class Frames:
    """Random pictures, and a teacher that is linear in what the tower sees."""

    steps_per_epoch = 2

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        coarse = torch.randint(0, 256, (40, 3, 2, 2), generator=generator, dtype=torch.uint8)
        self.pictures = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
        teacher = torch.randn(12, 5, generator=generator)
        self.wanted = SEEN.normalise(coarse).flatten(1) @ teacher + 0.7

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        half = slice(0, 20) if step % 2 == 0 else slice(20, 40)
        return self.pictures[half], self.wanted[half]

    def all(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [self.batch(0), self.batch(1)]


def test_the_loss_is_what_its_formula_says():
    rng = np.random.default_rng(1)
    told, wanted = rng.normal(size=(2, 4, 6))
    texts = rng.normal(size=(3, 6))
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    expected, ours, theirs = 0.0, [], []
    for one, other in zip(told, wanted, strict=True):
        ours.append(one / math.sqrt(sum(one**2)))
        theirs.append(other / math.sqrt(sum(other**2)))
        expected += (1 - ours[-1] @ theirs[-1]) / 4
        expected += 0.1 * math.log(math.sqrt(sum(one**2)) / math.sqrt(sum(other**2))) ** 2 / 4
    for row in range(4):
        expected += sum((ours[row] @ ours[k] - theirs[row] @ theirs[k]) ** 2 for k in range(4)) / 4
        chances = []
        for side in (ours, theirs):
            powers = np.exp([9 * side[row] @ text for text in texts])
            chances.append(powers / powers.sum())
        expected += sum(p * math.log(p / q) for q, p in zip(*chances, strict=True)) / 4
    loss = distillation_loss(*map(torch.tensor, (told, wanted, texts)), scale=9.0)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_nothing_is_lost_where_both_give_the_same():
    wanted = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert distillation_loss(wanted, wanted, torch.eye(4), scale=7.0).abs() < 1e-5
    assert distillation_loss(wanted, wanted, torch.empty(0, 4), scale=7.0).abs() < 1e-5


def test_explained_variance_is_one_for_equals_and_none_for_the_mean():
    wanted = torch.tensor([[1.0, 4.0], [3.0, 8.0], [5.0, 9.0]])
    assert explained_variance(wanted, wanted) == 1.0
    # The variance that PyTorch gives divides by one row less.
    assert explained_variance(wanted.mean(dim=0).expand(3, 2), wanted) == pytest.approx(1 / 3)


def test_the_last_layer_begins_with_what_can_be_told_of_the_features():
    tower, frames = Tower(), Frames()
    before = embedded(tower, frames.pictures, SEEN)
    fit_projection(tower.network, tower.projection, frames, SEEN)
    after = embedded(tower, frames.pictures, SEEN)
    assert explained_variance(before, frames.wanted) < 0.2
    assert explained_variance(after, frames.wanted) > 0.99


def test_pictures_move_all_alike_and_the_same_for_a_seed():
    pictures = Frames().pictures
    seen = {moved(pictures, seed=seed).sum().item() for seed in range(12)}
    assert len(seen) > 1
    assert torch.equal(moved(pictures, seed=3), moved(pictures, seed=3))
    assert moved(pictures, seed=3).shape == pictures.shape


def test_a_student_learns_and_goes_on_where_it_stopped(tmp_path):
    def trainer(folder, steps_told):
        torch.manual_seed(0)
        return DistillationTask(
            Tower(),
            Lesson(Frames(), torch.eye(5), logit_scale=1.0),
            SEEN,
            TrainingSettings(steps=60, backbone_learning_rate=0.05, save_every=20),
            validate=lambda tower: {"cosine": _cosine(tower)},
            export=lambda *_: None,
            origin={"student": "tower"},
        ).trainer(folder, on_step=steps_told)

    losses: list[float] = []
    report = trainer(tmp_path / "whole", lambda step: losses.append(step.loss)).run()
    assert losses[-1] < losses[0] / 3
    assert report.best_figures["cosine"] > 0.6

    class Stopping:
        """Set as Ctrl-C sets it, after the twentieth step."""

        def is_set(self) -> bool:
            return parts.step >= 20

    parts = trainer(tmp_path / "parts", lambda _: None)
    assert not parts.run(Stopping()).finished
    again = trainer(tmp_path / "parts", lambda _: None)
    assert (again.step, again.run().finished) == (20, True)
    whole, rest = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["weights"]
        for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], rest[name]) for name in whole)


def test_texts_are_never_told_apart_more_sharply_than_by_a_factor_of_twenty(tmp_path):
    losses = []
    for logit_scale in (math.log(20), 4.6, math.log(5)):
        torch.manual_seed(0)
        task = DistillationTask(
            Tower(),
            Lesson(Frames(), torch.eye(5), logit_scale),
            SEEN,
            TrainingSettings(steps=1),
            validate=lambda _: {},
            export=lambda *_: None,
            origin={},
        )
        losses.append(task.accumulate_gradients(0, lambda loss: loss))
    assert losses[1] == pytest.approx(losses[0])
    assert losses[2] != pytest.approx(losses[0])


def _cosine(tower: nn.Module) -> float:
    told = embedded(tower, Frames().pictures, SEEN)
    return float(torch.cosine_similarity(told, Frames().wanted).mean())
