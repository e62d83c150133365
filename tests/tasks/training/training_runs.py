"""What a training run has left in its folder."""

from dataclasses import fields
from pathlib import Path

import torch

from models.training.loop import TrainingSettings


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoint.pt", weights_only=True)["weights"]


def origin(folder: Path, data: Path) -> dict[str, object]:
    """What a run that goes on must share with the one that began, but for usual settings."""
    meant = torch.load(folder / "checkpoint.pt", weights_only=True)["meant"]
    usual = {field.name for field in fields(TrainingSettings)}
    written = {name: value for name, value in meant.items() if name not in usual}
    return {name: value.replace(str(data), "DATA") for name, value in written.items()}


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
