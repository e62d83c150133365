"""The live line of a training run, on stderr."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.training.loop import StepReport
from tasks.terminal.printing import talk, talk_console

# The running mean of the loss keeps this part at each step: single batches jump.
_LOSS_MEMORY = 0.95

# The figures of validations in words, in percent but for the rank.
FIGURES = {
    "r1": "R@1",
    "r5": "R@5",
    "r10": "R@10",
    "median_rank": "median rank",
    "top1": "top-1",
    "top5": "top-5",
    "mean_per_class": "mean per class",
    "map": "mAP",
    "cosine": "cosine",
    "same_first": "same first label",
    "kept": "of the first ten",
}


class TrainingProgress:
    """Steps, loss and the last figures; each validation also leaves a line."""

    def __init__(self, title: str, steps: int, done: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=talk_console,
            transient=True,
        )
        self._loss_total = self._loss_weight = 0.0
        self._task = self._progress.add_task(
            title, total=steps, completed=done, loss="", figures=""
        )

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_step(self, report: StepReport) -> None:
        """Move on by a step."""
        self._loss_total = _LOSS_MEMORY * self._loss_total + report.loss
        self._loss_weight = _LOSS_MEMORY * self._loss_weight + 1
        loss = self._loss_total / self._loss_weight
        self._progress.update(self._task, completed=report.step, loss=f"{loss:.3f}")
        if report.figures:
            figures = figures_line(report.figures)
            self._progress.update(self._task, figures=figures)
            talk(f"step {report.step}: loss {loss:.3f}, {figures}")


def figures_line(figures: dict[str, float]) -> str:
    """The figures of a validation in words."""
    return ", ".join(
        f"{words} {figures[name]:.1f}" for name, words in FIGURES.items() if name in figures
    )
