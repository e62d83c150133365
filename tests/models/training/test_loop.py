"""What the loop does for every task."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.errors import KinodexError
from models.training import loop
from models.training.files import read_history
from models.training.loop import StepReport, Task, Trainer, TrainingSettings

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


def test_the_usual_settings_are_these():
    assert TrainingSettings(7) == TrainingSettings(
        steps=7,
        head_learning_rate=1e-4,
        backbone_learning_rate=1e-5,
        warmup_share=0.1,
        weight_decay=0.2,
        gradient_clip=1.0,
        precision="float32",
        seed=0,
        tune="head",
        freeze_below=-1,
        chunk=None,
        validate_every=0,
        save_every=200,
    )


def test_a_checkpoint_holds_the_optimiser_as_it_works(tmp_path):
    drawn(tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    [group] = state["optimiser"]["param_groups"]
    assert (group["betas"], group["eps"], group["fused"]) == ((0.9, 0.98), 1e-6, True)
    assert (state["step"], state["best_step"], state["best_figures"]) == (4, 4, {"R@1": 2.0})


def test_a_run_is_saved_every_second_step_at_its_end_and_when_it_is_stopped(tmp_path):
    stop, saved = threading.Event(), []

    def look(report: StepReport) -> None:
        file = tmp_path / "checkpoint.pt"
        found = torch.load(file, weights_only=True)["step"] if file.exists() else None
        saved.append((report.step, found))
        if report.step == 5:
            stop.set()

    task, settings = Drawing(), replace(SETTINGS, steps=7)
    assert not Trainer(task, settings, tmp_path, on_step=look).run(stop).finished
    stop.clear()
    report = Trainer(task, settings, tmp_path, on_step=look).run(stop)
    assert saved == [(1, None), (2, None), (3, 2), (4, 2), (5, 4), (6, 5), (7, 6)]
    assert (report.steps, report.finished) == (7, True)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 7
    assert [record["step"] for record in read_history(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]


def test_figures_that_only_equal_the_best_are_no_better(tmp_path):
    class Level(Drawing):
        def validate(self) -> dict[str, float]:
            return {"R@1": [3.0, 3.0, 2.0, 4.0][len(self.drawn) - 1]}

    settings = replace(SETTINGS, validate_every=1)
    report = Trainer(Level(), settings, tmp_path).run()
    assert (report.best_step, report.best_figures) == (4, {"R@1": 4.0})
    report = Trainer(Level(), replace(settings, steps=3), tmp_path / "shorter").run()
    assert (report.best_step, report.best_figures) == (1, {"R@1": 3.0})
    assert (tmp_path / "shorter" / "exported").read_text() == "{'R@1': 3.0}"


def test_a_large_gradient_is_cut_to_the_length_that_is_meant(tmp_path):
    class Steep(Drawing):
        def accumulate_gradients(self, step: int, scale: Callable) -> float:
            for parameter in self.modules.parameters():
                parameter.grad = torch.full_like(parameter, 30.0)
            return 1.0

        def after_update(self) -> None:
            self.norm = float(
                torch.cat([p.grad.flatten() for p in self.modules.parameters()]).norm()
            )

    task = Steep()
    Trainer(task, replace(SETTINGS, steps=1, gradient_clip=0.5), tmp_path).run()
    assert task.norm == pytest.approx(0.5, rel=1e-4)
    assert read_history(tmp_path)[0]["gradient_norm"] == pytest.approx(30 * 2**0.5)


def test_the_smallest_settings_are_meant():
    replace(SETTINGS, steps=1, save_every=1, chunk=1, warmup_share=1.0)
    replace(SETTINGS, warmup_share=0.0)


@pytest.mark.parametrize(
    ("wish", "others", "stops"), [(False, 0, False), (False, 1, True), (True, 0, True)]
)
def test_a_wish_of_any_process_stops_all(monkeypatch, wish, others, stops):
    monkeypatch.setattr(loop, "process_count", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda wishes: wishes.add_(others))
    assert loop._any_process(wish, torch.device("cpu")) is stops


def test_all_processes_begin_with_the_weights_of_the_first(monkeypatch):
    monkeypatch.setattr(loop, "process_count", lambda: 2)
    monkeypatch.setattr(torch.distributed, "broadcast", lambda tensor, src: tensor.fill_(7.0 + src))
    layer = nn.Linear(2, 1)
    loop._share_weights(layer)
    assert (layer.weight.tolist(), layer.bias.tolist()) == ([[7.0, 7.0]], [7.0])


def test_processes_that_found_other_checkpoints_are_told(monkeypatch):
    monkeypatch.setattr(loop, "gather_with_gradient", lambda step: torch.tensor([int(step), 4]))
    loop._check_same_step(4, torch.device("cpu"))
    with pytest.raises(KinodexError, match="do not see the same checkpoint"):
        loop._check_same_step(3, torch.device("cpu"))


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "process_rank", lambda: 1)
    (tmp_path / "history.jsonl").write_text('{"step": 9}\n')
    task = Drawing()
    assert Trainer(task, SETTINGS, tmp_path).run().best_step == 4
    assert task.validated == [3, 4]
    assert [one.name for one in tmp_path.iterdir()] == ["history.jsonl"]
    assert (tmp_path / "history.jsonl").read_text() == '{"step": 9}\n'
