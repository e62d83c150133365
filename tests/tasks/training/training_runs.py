"""Training runs in two processes, and what a run has left in its folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from models.training.loop import StepReport, TrainingSettings
from tasks.training.progress import TrainingProgress


@contextmanager
def interrupted_after_two_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C is pressed at the end of the second step of the run in the block."""
    move_on = TrainingProgress.on_step

    def interrupted(self: TrainingProgress, report: StepReport) -> None:
        move_on(self, report)
        if report.step == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "on_step", interrupted)
        yield


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


def train_in_two_processes(folder: Path, arguments: Sequence[object]) -> None:
    """`kinodex train`, as torchrun starts it twice on this machine; folder: for a script."""
    script = folder / "train.py"
    script.write_text("from ui.cli.main import train_app; train_app()")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [sys.executable, *launcher, str(script), *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=True,
    )
