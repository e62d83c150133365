"""`kinodex train … --sweep`: short runs over a range of learning rates."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from models.training.distributed import process_rank
from models.training.files import read_history
from models.training.loop import TrainingDiverged, TrainingSettings
from tasks.terminal.curves import draw_sweep
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.plots import PlotsMissing
from tasks.terminal.printing import data_json, print_rows, talk
from tasks.training.prepared import PreparedTraining
from tasks.training.progress import FIGURES, TrainingProgress

SWEEP_FILE = "sweep.png"
# Half a decade apart, a decade and a half to both sides of the rate that was given.
_FACTORS = (10**-1.5, 0.1, 10**-0.5, 1.0, 10**0.5, 10.0, 10**1.5)


@dataclass(frozen=True)
class Trial:
    """How a short run with one learning rate ended; None where it diverged."""

    learning_rate: float
    loss: float | None  # mean over the last fifth of the steps
    figure: float | None  # which the validation gives, see `PreparedTraining`


def run_sweep(
    prepared: PreparedTraining, settings: TrainingSettings, folder: Path, *, as_json: bool
) -> int:
    """Try the rates of what trains most, print a table, draw it, recommend one; → exit code.

    The rate of the head is varied where only the head trains, else that of the backbone.

    settings: those of every run, but for that rate
    """
    option, trial_settings = _trials(settings)
    trials: list[Trial] = []
    with stop_on_interrupt() as stop:
        for one in trial_settings:
            trial = _try(prepared, one, folder, option, stop)
            if trial is None:
                talk("stopped: --sweep starts anew")
                return Exit.INTERRUPTED
            trials.append(trial)
    if process_rank() == 0:
        _show(trials, option, prepared.figure, folder, as_json=as_json)
    return Exit.DONE


def recommended(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest figure, and among equals the lowest loss; None if all diverged."""
    good = [trial for trial in trials if trial.loss is not None and trial.figure is not None]
    return max(good, key=lambda trial: (trial.figure, -(trial.loss or 0.0)), default=None)


def _trials(settings: TrainingSettings) -> tuple[str, list[TrainingSettings]]:
    """The option that is varied, and the settings of each run."""
    short = replace(settings, validate_every=0, save_every=settings.steps)
    if settings.tune == "head":
        base = settings.head_learning_rate
        return "--head-rate", [replace(short, head_learning_rate=base * f) for f in _FACTORS]
    base = settings.backbone_learning_rate
    return "--backbone-rate", [replace(short, backbone_learning_rate=base * f) for f in _FACTORS]


def _try(
    prepared: PreparedTraining, settings: TrainingSettings, folder: Path, option: str, stop: Event
) -> Trial | None:
    """One short run, in a folder that is deleted again; None when it was stopped."""
    rate = (
        settings.head_learning_rate if option == "--head-rate" else settings.backbone_learning_rate
    )
    place = folder / "sweep"
    if process_rank() == 0:
        shutil.rmtree(place, ignore_errors=True)
    progress = TrainingProgress(f"{option} {rate:.2g}", settings.steps, 0)
    trainer = prepared.trainer(settings, place, on_step=progress.on_step, is_trial=True)
    try:
        with progress if process_rank() == 0 else nullcontext():
            report = trainer.run(stop)
    except TrainingDiverged:
        return Trial(rate, None, None)
    finally:
        history = read_history(place)
        if process_rank() == 0:
            shutil.rmtree(place, ignore_errors=True)
    if not report.finished:
        return None
    last = [record["loss"] for record in history[-max(1, len(history) // 5) :]]
    loss = sum(last) / len(last) if last else None
    return Trial(rate, loss, report.best_figures[prepared.figure])


def _show(
    trials: Sequence[Trial], option: str, figure: str, folder: Path, *, as_json: bool
) -> None:
    records = [_record(trial, figure) for trial in trials]
    drawn = _draw(records, figure, folder)
    if as_json:
        for record in records:
            data_json(record)
    else:
        print_rows(("learning rate", "loss", FIGURES[figure]), _rows(trials), names=0)
    best = recommended(trials)
    if best is None:
        talk(f"all runs diverged: try again with a smaller {option}")
        return
    curve = f" (curve: {drawn})" if drawn else ""
    talk(f"recommended: {option} {best.learning_rate:.2g}{curve}")
    if best in (trials[0], trials[-1]):
        talk(f"that is the end of the range: sweep again around {option} {best.learning_rate:.2g}")


def _draw(records: Sequence[Mapping[str, float | None]], figure: str, folder: Path) -> Path | None:
    """The picture's file; None where it cannot be drawn, which a sentence says: a table remains."""
    file = folder / SWEEP_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draw_sweep(records, file, figure=figure, name=FIGURES[figure])
    except (PlotsMissing, OSError) as error:
        talk(f"{SWEEP_FILE} is not drawn: {error}")
        return None
    return file


def _record(trial: Trial, figure: str) -> dict[str, float | None]:
    return {"learning_rate": trial.learning_rate, "loss": trial.loss, figure: trial.figure}


def _rows(trials: Sequence[Trial]) -> list[tuple[str, str, str]]:
    return [
        (f"{trial.learning_rate:.2g}", "diverged", "")
        if trial.loss is None or trial.figure is None
        else (f"{trial.learning_rate:.2g}", f"{trial.loss:.3f}", f"{trial.figure:.1f}")
        for trial in trials
    ]
