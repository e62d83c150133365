"""How long a run is, how it ends, and who talks, without a step of training."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from models.errors import KinodexError
from models.training.loop import StepReport, TrainingReport, TrainingSettings
from tasks.terminal.printing import talk_console
from tasks.training import run
from tasks.training.run import check_something_trains, run_training

SETTINGS = TrainingSettings(steps=50)
DONE = TrainingReport(50, True, 40, {"r1": 12.34})


class Prepared:
    """A run whose trainer takes no time."""

    def __init__(self, report: TrainingReport = DONE, *, left_out: int = 0, began: int = 0) -> None:
        self.left_out, self.steps_per_epoch = left_out, 7
        self.asked: list[tuple[TrainingSettings, Path, bool]] = []
        self.quiet: list[bool] = []
        self._report, self._began = report, began

    def agree_on_data(self) -> None:
        self.quiet.append(talk_console.quiet)

    def say_what_is_trained(self) -> None:
        pass

    def trainer(
        self,
        settings: TrainingSettings,
        folder: Path,
        *,
        on_step: Callable[[StepReport], None],
        is_trial: bool,
    ) -> Any:
        self.asked.append((settings, folder, is_trial))
        folder.mkdir(parents=True, exist_ok=True)

        def take(_stop: Event) -> TrainingReport:
            on_step(StepReport(50, 1.0, 1.0, 1.0, {}))
            return self._report

        return SimpleNamespace(step=self._began, run=take)


def request(folder: Path, **options: object) -> Any:
    usual = {"out": folder, "settings": SETTINGS, "epochs": None, "sweep_steps": None}
    return SimpleNamespace(**(usual | {"as_json": False} | options))


@pytest.mark.parametrize(
    ("epochs", "steps", "validate_every", "expected"),
    [
        (None, 50, 0, (50, 7)),
        (None, 1000, 0, (1000, 50)),
        (None, 1001, 0, (1001, 51)),
        (None, 50, 3, (50, 3)),
        (2, 50, 0, (14, 7)),
        (0.5, 50, 0, (4, 7)),
        (0.01, 50, 0, (1, 7)),
    ],
)
def test_a_run_is_as_long_as_was_asked_for_and_validates_each_epoch_but_twenty_times_at_most(
    tmp_path, epochs, steps, validate_every, expected
):
    prepared: Any = Prepared()
    settings = replace(SETTINGS, steps=steps, validate_every=validate_every)
    run_training(lambda: prepared, request(tmp_path, settings=settings, epochs=epochs))
    [(asked, folder, is_trial)] = prepared.asked
    assert (asked.steps, asked.validate_every) == expected
    assert (folder, is_trial) == (tmp_path, False)


def test_a_run_that_is_done_prints_its_folder_and_says_its_best_step(tmp_path, capsys):
    prepared: Any = Prepared()
    assert run_training(lambda: prepared, request(tmp_path)) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path}\n"
    assert "best step 40: R@1 12.3\n" in shown.err
    assert "going on" not in shown.err
    assert run_training(lambda: prepared, request(tmp_path, as_json=True)) == 0
    assert json.loads(capsys.readouterr().out) == {
        "folder": str(tmp_path),
        "best_step": 40,
        "figures": {"r1": 12.34},
    }


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path, capsys):
    prepared: Any = Prepared(TrainingReport(20, False, None, {}), left_out=1, began=10)
    assert run_training(lambda: prepared, request(tmp_path)) == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "going on after step 10 of 50\n" in shown.err
    assert "stopped after step 20: run the same command again to go on\n" in shown.err


def test_clips_that_were_left_out_are_told_to_a_shell_but_not_to_torchrun(tmp_path, monkeypatch):
    prepared: Any = Prepared(left_out=1)
    assert run_training(lambda: prepared, request(tmp_path)) == 3
    monkeypatch.setattr(run, "torchrun_processes", run.nullcontext)
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert run_training(lambda: prepared, request(tmp_path)) == 0


def test_only_the_first_process_talks_and_tells(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "torchrun_processes", run.nullcontext)
    for rank, is_quiet in (("0", False), ("1", True)):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setattr(run, "process_rank", lambda rank=rank: int(rank))
        prepared: Any = Prepared()
        run_training(lambda prepared=prepared: prepared, request(tmp_path))
        assert prepared.quiet == [is_quiet]
        assert talk_console.quiet is False
        assert capsys.readouterr().out == ("" if is_quiet else f"{tmp_path}\n")


def test_a_sweep_is_of_short_runs(tmp_path, monkeypatch):
    swept: list[tuple[TrainingSettings, Path, bool]] = []

    def run_sweep(_prepared: object, settings: TrainingSettings, folder: Path, *, as_json: bool):
        swept.append((settings, folder, as_json))
        return 17

    monkeypatch.setattr(run, "run_sweep", run_sweep)
    prepared: Any = Prepared()
    wanted = request(tmp_path, sweep_steps=5, as_json=True)
    assert run_training(lambda: prepared, wanted) == 17
    assert swept == [(replace(SETTINGS, steps=5, validate_every=7), tmp_path, True)]
    assert prepared.asked == []


@pytest.mark.parametrize("head", ["meanP", "MeanP"])
def test_a_mean_of_frames_trains_only_with_its_model(head):
    with pytest.raises(KinodexError, match=f"{head} has nothing to train"):
        check_something_trains(head, SETTINGS)
    check_something_trains(head, replace(SETTINGS, tune="text"))
    check_something_trains("seqTransf", SETTINGS)


def test_curves_are_drawn_by_the_first_process(tmp_path, monkeypatch):
    drawn: list[Path] = []
    monkeypatch.setattr(run, "read_history", lambda folder: [folder])
    monkeypatch.setattr(run, "draw_history", lambda _history, file: drawn.append(file))
    for rank in (0, 1):
        monkeypatch.setattr(run, "process_rank", lambda rank=rank: rank)
        prepared: Any = Prepared()
        run_training(lambda prepared=prepared: prepared, request(tmp_path))
    assert drawn == [tmp_path / "curves.png"]


def test_the_bar_stands_while_the_first_process_trains(tmp_path, monkeypatch):
    begun: list[int] = []
    monkeypatch.setattr(run.TrainingProgress, "__enter__", lambda _self: begun.append(1))
    for rank in (0, 1):
        monkeypatch.setattr(run, "process_rank", lambda rank=rank: rank)
        prepared: Any = Prepared()
        run_training(lambda prepared=prepared: prepared, request(tmp_path))
    assert begun == [1]
