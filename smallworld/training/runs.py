"""What trainings of the small world say while they run, and the figures that they leave behind."""

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from models.training.loop import Precision, StepReport, Task, Trainer, TrainingSettings
from smallworld.stills.sprites import DEBIAN_FONT

FIGURES_FILE = "figures.json"

_LOG = logging.getLogger(__name__)


def tell_progress() -> None:
    """Let the modules of this package speak on stderr, and no others."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("smallworld").setLevel(logging.INFO)


class Reporter:
    """Prints the loss now and then, and what validation says."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._losses: list[float] = []
        self._started_s = time.monotonic()

    def __call__(self, report: StepReport) -> None:
        self._losses.append(report.loss)
        if report.step % 100 == 0 or report.figures:
            mean = sum(self._losses) / len(self._losses)
            told = "".join(f"  {name} {value:.1f}" for name, value in report.figures.items())
            elapsed_s = time.monotonic() - self._started_s
            _LOG.info(
                "%s: step %d  loss %.3f  %.0f s%s", self._title, report.step, mean, elapsed_s, told
            )
            self._losses.clear()


class Stopwatch:
    """Tells and keeps what was measured of a run, with the minutes since this was made."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def report(
        self, folder: Path, about: dict[str, str | int], found: dict[str, float], **afterwards: int
    ) -> None:
        """Write figures into `folder` and print them as a line of JSON."""
        minutes = round((time.monotonic() - self._started_s) / 60, 1)
        line = json.dumps({**about, **found, "minutes": minutes, **afterwards})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FIGURES_FILE).write_text(line + "\n", encoding="utf-8")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def train_picture_tower(
    task: Task, folder: Path, *, steps: int, seed: int, bfloat16: bool, save_every: int = 200
) -> None:
    """Train a new picture tower in `folder`, going on where an earlier run stopped."""
    settings = TrainingSettings(
        steps=steps,
        weight_decay=0.05,
        seed=seed,
        precision=precision(bfloat16=bfloat16),
        validate_every=max(1, steps // 8),
        save_every=save_every,
        warmup_share=0.05,
    )
    Trainer(task, settings, folder, on_step=Reporter(f"seed {seed}")).run()


def precision(*, bfloat16: bool) -> Precision:
    """What --bfloat16 asks for."""
    return "bfloat16" if bfloat16 else "float32"


def training_parser(description: str, *, out: str, steps: int) -> argparse.ArgumentParser:
    """A parser with --out, --font, --seed, --steps and --bfloat16.

    out: what the folder is for
    steps: how many are taken if nothing is said
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {out}")
    parser.add_argument("--font", type=Path, default=DEBIAN_FONT, help="Noto Color Emoji font")
    parser.add_argument("--seed", type=int, action="append", help="may be given several times")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument(
        "--bfloat16", action="store_true", help="faster where the processor has bfloat16 units"
    )
    return parser
