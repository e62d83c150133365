"""What the loop does for every task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.training.loop import Task, Trainer, TrainingSettings

SETTINGS = TrainingSettings(steps=4, save_every=2, validate_every=3)


class Drawing(Task):
    """Keeps the random number that each step draws, as dropout would."""

    def __init__(self) -> None:
        self.modules = nn.Linear(1, 1)
        self.drawn: list[float] = []
        self.validated: list[int] = []

    def parameter_groups(self):
        return [{"params": list(self.modules.parameters()), "lr": 0.1, "peak_rate": 0.1}]

    def accumulate_gradients(self, step: int, scale: Callable) -> float:
        self.drawn.append(torch.rand(1).item())
        loss = self.modules(torch.ones(1, 1)).square().sum()
        scale(loss).backward()
        return loss.item()

    def validate(self) -> dict[str, float]:
        self.validated.append(len(self.drawn))
        return {"R@1": float(len(self.validated))}

    def export(self, folder: Path, figures: dict[str, float]) -> None:
        (folder / "exported").write_text(str(figures))


def drawn(folder: Path, settings: TrainingSettings = SETTINGS) -> list[float]:
    task = Drawing()
    Trainer(task, settings, folder).run()
    return task.drawn


def test_each_step_draws_numbers_of_its_own_and_each_seed_others(tmp_path):
    seeds = [drawn(tmp_path / str(seed), replace(SETTINGS, seed=seed)) for seed in (0, 1, 2)]
    assert len({number for numbers in seeds for number in numbers}) == 3 * SETTINGS.steps


def test_a_run_draws_what_it_drew_before_whatever_was_drawn_outside(tmp_path):
    first = drawn(tmp_path / "first")
    torch.rand(7)
    assert drawn(tmp_path / "second") == first


def test_figures_are_taken_at_every_third_step_and_after_the_last(tmp_path):
    task = Drawing()
    report = Trainer(task, SETTINGS, tmp_path).run()
    assert task.validated == [3, 4]
    assert (report.best_step, report.best_figures) == (4, {"R@1": 2.0})


def test_a_folder_is_made_with_those_above_it_or_used_as_it_is(tmp_path):
    folder = tmp_path / "a" / "b"
    first = drawn(folder)
    assert (folder / "history.jsonl").is_file()
    (folder / "checkpoint.pt").unlink()
    assert drawn(folder) == first


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"steps": 0}, "at least 1"),
        ({"save_every": 0}, "at least 1"),
        ({"chunk": 0}, "at least 1"),
        ({"warmup_share": -0.1}, "between 0 and 1"),
        ({"warmup_share": 1.1}, "between 0 and 1"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(SETTINGS, **changes)


def test_the_smallest_settings_are_meant():
    replace(SETTINGS, steps=1, save_every=1, chunk=1, warmup_share=1.0)
    replace(SETTINGS, warmup_share=0.0)
