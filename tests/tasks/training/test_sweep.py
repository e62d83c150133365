"""Which learning rates are tried, and which is recommended."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.training.files import History
from models.training.loop import StepReport, TrainingDiverged, TrainingReport, TrainingSettings
from tasks.training.progress import TrainingProgress, figures_line
from tasks.training.starting_model import enough_to_fit
from tasks.training.sweep import SWEEP_FILE, Trial, _show, _trials, _try, recommended, run_sweep
from tests.calling import said

SETTINGS = TrainingSettings(
    steps=40, head_learning_rate=1e-3, backbone_learning_rate=1e-5, validate_every=7, save_every=9
)
FACTORS = [0.0316, 0.1, 0.316, 1.0, 3.16, 10.0, 31.6]


@pytest.mark.parametrize(
    ("tune", "option", "head", "backbone"),
    [
        ("head", "--head-rate", [1e-3 * f for f in FACTORS], [1e-5] * 7),
        ("text", "--backbone-rate", [1e-3] * 7, [1e-5 * f for f in FACTORS]),
        ("all", "--backbone-rate", [1e-3] * 7, [1e-5 * f for f in FACTORS]),
    ],
)
def test_the_rate_of_what_trains_most_is_varied(tune, option, head, backbone):
    varied, trials = _trials(TrainingSettings(**{**vars(SETTINGS), "tune": tune}))
    assert varied == option
    assert [one.head_learning_rate for one in trials] == pytest.approx(head, rel=1e-2)
    assert [one.backbone_learning_rate for one in trials] == pytest.approx(backbone, rel=1e-2)
    # Each is validated and saved at its end alone.
    assert {(one.validate_every, one.save_every, one.steps) for one in trials} == {(0, 40, 40)}


def test_the_best_figure_is_recommended_and_among_equals_the_lowest_loss():
    trials = [Trial(0.1, 2.0, 50.0), Trial(0.2, 1.0, 50.0), Trial(0.3, 0.5, 40.0)]
    assert recommended(trials) == trials[1]
    assert recommended([*trials, Trial(0.4, None, None), Trial(0.5, None, 99.0)]) == trials[1]
    assert recommended([Trial(0.1, None, None)]) is None
    assert recommended([]) is None


def report(step: int, loss: float, **figures: float) -> StepReport:
    return StepReport(step, loss, 1.0, 1.0, figures)


def test_a_validation_leaves_a_line_with_the_mean_of_late_losses(capsys):
    progress = TrainingProgress("training", 3, 0)
    progress.on_step(report(1, 2.0))
    assert said(capsys) == ""
    progress.on_step(report(2, 4.0, r1=12.34, median_rank=3.0))
    mean = (0.95 * 2.0 + 4.0) / 1.95
    assert said(capsys) == f"step 2: loss {mean:.3f}, R@1 12.3, median rank 3.0"


def test_figures_come_in_one_order_in_words():
    assert figures_line({"map": 1.0, "top5": 20.0, "top1": 10.0, "other": 7.0}) == (
        "top-1 10.0, top-5 20.0, mAP 1.0"
    )


def shown(trials: list[Trial], folder: Path, capsys, **options: bool) -> tuple[list[str], str]:
    """What a sweep prints, and what it says."""
    _show(trials, "--head-rate", "r1", folder, as_json=options.get("as_json", False))
    captured = capsys.readouterr()
    return captured.out.splitlines(), " ".join(captured.err.split())


def test_a_sweep_shows_every_rate_and_recommends_one(tmp_path, capsys):
    trials = [Trial(0.1, 2.0, 50.0), Trial(0.2, 1.0, 60.0), Trial(0.3, None, None)]
    rows, told = shown(trials, tmp_path / "new", capsys)
    assert [row.split("\t")[0] for row in rows] == ["0.1", "0.2", "0.3"]
    assert told == f"recommended: --head-rate 0.2 (curve: {tmp_path / 'new' / SWEEP_FILE})"
    records, _ = shown(trials, tmp_path, capsys, as_json=True)
    assert [json.loads(record) for record in records] == [
        {"learning_rate": 0.1, "loss": 2.0, "r1": 50.0},
        {"learning_rate": 0.2, "loss": 1.0, "r1": 60.0},
        {"learning_rate": 0.3, "loss": None, "r1": None},
    ]


@pytest.mark.parametrize("best", [0, 2])
def test_the_best_at_an_end_of_the_range_asks_for_another_sweep(tmp_path, capsys, best):
    figures = [60.0 if place == best else 50.0 for place in range(3)]
    trials = [Trial(rate, 1.0, found) for rate, found in zip((0.1, 0.2, 0.3), figures, strict=True)]
    _, told = shown(trials, tmp_path, capsys)
    again = f"sweep again around --head-rate {trials[best].learning_rate}"
    assert told.endswith(f"that is the end of the range: {again}")


def test_a_sweep_that_only_diverged_recommends_nothing(tmp_path, capsys):
    _, told = shown([Trial(0.1, None, None)], tmp_path, capsys)
    assert told.endswith("all runs diverged: try again with a smaller --head-rate")


def test_without_a_picture_the_table_remains(tmp_path, capsys, no_matplotlib):
    rows, told = shown([Trial(0.1, 1.0, 2.0)], tmp_path, capsys)
    assert len(rows) == 1
    assert f"{SWEEP_FILE} is not drawn" in told
    assert "curve" not in told


@pytest.mark.parametrize(
    ("count", "first", "step"), [(1, 1, 1), (1024, 1024, 1), (2047, 1024, 1), (2048, 1024, 2)]
)
def test_a_head_is_fitted_to_clips_that_are_spread_over_all(count, first, step):
    some = enough_to_fit(range(count))
    assert (len(some), some[-1]) == (first, (first - 1) * step)


class Prepared:
    """Runs that end as they are told to, one after the other."""

    figure = "r1"

    def __init__(self, *ends: TrainingReport | Exception, losses: Sequence[float] = ()) -> None:
        self.asked: list[tuple[TrainingSettings, Path, bool]] = []
        self._ends, self._losses = list(ends), losses

    def trainer(self, settings: TrainingSettings, folder: Path, *, on_step: Any, is_trial: bool):
        self.asked.append((settings, folder, is_trial))
        end = self._ends.pop(0)

        def take(_stop: threading.Event) -> TrainingReport:
            assert not folder.exists()
            folder.mkdir(parents=True)
            history = History(folder)
            for step, loss in enumerate(self._losses, start=1):
                history.add({"step": step, "loss": loss, "figures": {}})
            if isinstance(end, Exception):
                raise end
            return end

        return SimpleNamespace(run=take, step=0)


def ended(r1: float = 10.0, *, finished: bool = True) -> TrainingReport:
    return TrainingReport(40, finished, 40, {"r1": r1})


def swept(prepared: Any, folder: Path) -> int:
    return run_sweep(prepared, SETTINGS, folder, as_json=True)


def test_a_sweep_runs_each_rate_in_a_folder_that_goes_again(tmp_path, capsys, monkeypatch):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "old").touch()
    diverged = TrainingDiverged("the loss is no number")
    prepared = Prepared(*[ended(float(at)) for at in range(5)], diverged, ended(6.0))
    assert swept(prepared, tmp_path) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["r1"] for row in rows] == [0.0, 1.0, 2.0, 3.0, 4.0, None, 6.0]
    assert {is_trial for _, _, is_trial in prepared.asked} == {True}
    assert {place for _, place, _ in prepared.asked} == {tmp_path / "sweep"}
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_that_is_stopped_starts_anew(tmp_path, capsys):
    prepared = Prepared(ended(), ended(finished=False))
    assert swept(prepared, tmp_path) == 130
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("stopped: --sweep starts anew\n")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("losses", "loss"),
    [((), None), ((5.0,), 5.0), ((9.0, 5.0), 5.0), ((9.0,) * 8 + (1.0, 2.0), 1.5)],
)
def test_the_loss_of_a_trial_is_the_mean_of_its_last_fifth(tmp_path, losses, loss):
    prepared: Any = Prepared(ended(7.0), losses=losses)
    stop = threading.Event()
    assert _try(prepared, SETTINGS, tmp_path, "--head-rate", stop) == Trial(1e-3, loss, 7.0)
    prepared = Prepared(ended(7.0), losses=losses)
    trial = _try(prepared, SETTINGS, tmp_path, "--backbone-rate", stop)
    assert trial == Trial(1e-5, loss, 7.0)
