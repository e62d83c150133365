"""`kinodex train`: one run, from what is asked for to the files in its folder."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import KinodexError
from models.files import typed_path
from models.identity import ACTION_MEAN_POOLING, MEAN_POOLING
from models.training.distributed import process_rank, torchrun_processes
from models.training.files import read_history
from models.training.loop import StepReport, Trainer, TrainingReport, TrainingSettings
from tasks.terminal.curves import draw_history
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.plots import PlotsMissing
from tasks.terminal.printing import data_json, data_path, talk, talk_console
from tasks.training.prepared import PreparedTraining
from tasks.training.progress import TrainingProgress, figures_line
from tasks.training.request import TrainingRequest
from tasks.training.sweep import run_sweep

CURVES_FILE = "curves.png"
_MOST_VALIDATIONS = 20


def run_training(prepare: Callable[[], PreparedTraining], request: TrainingRequest[Any]) -> int:
    """Train into a folder, or try learning rates; → the exit code."""
    folder = typed_path(request.out)
    with _only_first_process_talks():
        # Decoding comes before the processes meet: it may take longer than they wait for each
        # other.
        prepared = prepare()
        with torchrun_processes():
            prepared.agree_on_data()
            prepared.say_what_is_trained()
            settings = with_length(request.settings, request.epochs, prepared.steps_per_epoch)
            if request.sweep_steps is not None:
                trials = replace(settings, steps=request.sweep_steps)
                return run_sweep(prepared, trials, folder, as_json=request.as_json)
            report = train_in(
                folder,
                settings.steps,
                lambda on_step: prepared.trainer(settings, folder, on_step=on_step, is_trial=False),
            )
    if process_rank() == 0:
        tell(report, folder, as_json=request.as_json)
    if not report.finished:
        return Exit.INTERRUPTED
    # torchrun takes any other code than 0 for a crash.
    alone = "LOCAL_RANK" not in os.environ
    return Exit.SOME_FAILED if prepared.left_out and alone else Exit.DONE


def check_something_trains(head: str, settings: TrainingSettings) -> None:
    """Raises KinodexError for a mean of frames that the model itself makes as before."""
    if head in (MEAN_POOLING, ACTION_MEAN_POOLING) and settings.tune == "head":
        raise KinodexError(
            f"{head} has nothing to train while the model stays as it is: "
            "use --tune text, --tune all, or another --head"
        )


def with_length(settings: TrainingSettings, epochs: float | None, epoch: int) -> TrainingSettings:
    """The settings with the number of steps, and how often to validate.

    epochs: how long to train, in the place of the settings' steps; epoch: its steps
    """
    steps = settings.steps if epochs is None else max(1, round(epochs * epoch))
    every = settings.validate_every or max(epoch, math.ceil(steps / _MOST_VALIDATIONS))
    return replace(settings, steps=steps, validate_every=every)


def train_in(
    folder: Path, steps: int, make: Callable[[Callable[[StepReport], None]], Trainer]
) -> TrainingReport:
    """Train in a folder until the last step or Ctrl-C, with a bar, and draw the curves.

    make: the trainer, which is to report each step to what it gets
    """
    progress = TrainingProgress("training", steps, 0)
    trainer = make(progress.on_step)
    if trainer.step:
        talk(f"going on after step {trainer.step} of {steps}")
    with progress if process_rank() == 0 else nullcontext(), stop_on_interrupt() as stop:
        report = trainer.run(stop)
    if process_rank() == 0:
        _draw_curves(folder)
    return report


def _draw_curves(folder: Path) -> None:
    """A run is worth more than its picture: where that cannot be drawn, a sentence says why."""
    try:
        draw_history(read_history(folder), folder / CURVES_FILE)
    except (PlotsMissing, OSError) as error:
        talk(f"{CURVES_FILE} is not drawn: {error}")


def tell(report: TrainingReport, folder: Path, *, as_json: bool) -> None:
    """How a run ended: its folder on stdout, once it is finished."""
    if not report.finished:
        talk(f"stopped after step {report.steps}: run the same command again to go on")
        return
    talk(f"best step {report.best_step}: {figures_line(report.best_figures)}")
    if as_json:
        figures = report.best_figures
        data_json({"folder": str(folder), "best_step": report.best_step, "figures": figures})
        return
    data_path(folder)


@contextmanager
def _only_first_process_talks() -> Iterator[None]:
    """Under torchrun the other processes would say everything again."""
    before = talk_console.quiet
    talk_console.quiet = os.environ.get("RANK", "0") != "0"
    try:
        yield
    finally:
        talk_console.quiet = before
