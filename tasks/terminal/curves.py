"""Curves of training runs, sweeps and evaluations as pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.terminal.plots import BLUE, ORANGE, house_style, new_figure, points, save_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 760, 300  # pixels of a panel
_COLOURS = (BLUE, ORANGE)
_SMOOTHING = 0.95
# How a validation's figures are called, and which of them share a panel.
_VALIDATION_PANELS = {
    "R@1": {"text to video": "r1", "video to text": "video_to_text_r1"},
    "right labels": {"top-1": "top1", "mean per class": "mean_per_class"},
    "mAP": {"mAP": "map"},
    "as the teacher": {"first label": "same_first", "of the first ten": "kept"},
    "cosine with the teacher": {"cosine": "cosine"},
}


@dataclass(frozen=True)
class Line:
    """A curve: points (x, y), by rising x."""

    name: str
    points: Sequence[tuple[float, float]]
    pale: bool = False
    dots: bool = False

    @property
    def shown(self) -> list[tuple[float, float]]:
        """The points that have a place in a picture."""
        return [(x, y) for x, y in self.points if math.isfinite(y)]


@dataclass(frozen=True)
class Panel:
    """Some curves over the same axes."""

    title: str
    x_name: str
    lines: Sequence[Line]
    logarithmic: bool = False  # the x axis


def draw_history(history: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Loss, raw and smoothed, and below it what the validations found, over the steps."""
    draw_panels(history_panels(history), file)


def draw_sweep(
    trials: Sequence[Mapping[str, Any]], file: Path, *, figure: str = "r1", name: str = "R@1"
) -> None:
    """Loss and a figure over the learning rates; runs that diverged are left out."""
    draw_panels(sweep_panels(trials, figure=figure, name=name), file)


def draw_panels(panels: Sequence[Panel], file: Path) -> None:
    """Write the panels, one below the other, as a PNG; the file is replaced as a whole.

    Raises PlotsMissing, and OSError when the file cannot be written.
    """
    with house_style():
        save_png(panels_figure(panels), file)


def history_panels(history: Sequence[Mapping[str, Any]]) -> list[Panel]:
    """The panels of a run's history, see `draw_history`."""
    losses = [(float(record["step"]), float(record["loss"])) for record in history]
    lines = [Line("each batch", losses, pale=True), Line("smoothed", _smoothed(losses))]
    panels = [Panel("loss of each batch, and smoothed", "step", lines)]
    validated = [record for record in history if record["figures"]]
    for title, curves in _VALIDATION_PANELS.items():
        lines = [
            Line(name, [(float(one["step"]), one["figures"][key]) for one in validated], dots=True)
            for name, key in curves.items()
            if validated and key in validated[0]["figures"]
        ]
        if lines:
            panels.append(Panel(f"{title} on the validation videos, percent", "step", lines))
    return panels


def sweep_panels(trials: Sequence[Mapping[str, Any]], *, figure: str, name: str) -> list[Panel]:
    """The panels of a sweep, see `draw_sweep`."""
    good = [trial for trial in trials if trial["loss"] is not None and trial[figure] is not None]
    return [
        Panel(
            title,
            "learning rate",
            [Line(title, [(one["learning_rate"], one[key]) for one in good], dots=True)],
            logarithmic=True,
        )
        for title, key in (("loss at the end", "loss"), (f"{name}, percent", figure))
    ]


def panels_figure(panels: Sequence[Panel]) -> "Figure":
    """The panels, one below the other; within `house_style`."""
    figure = new_figure(_WIDTH, _HEIGHT * len(panels))
    figure.set_layout_engine("constrained")
    all_axes = figure.subplots(len(panels), squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel)
    return figure


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", fontsize=points(14))
    if not any(line.shown for line in panel.lines):
        axes.axis("off")
        axes.text(0, 0.5, "nothing to show", transform=axes.transAxes, fontsize=points(13))
        return
    axes.set_xlabel(panel.x_name, fontsize=points(12))
    axes.tick_params(labelsize=points(12))
    axes.grid(visible=True)
    for number, line in enumerate(panel.lines):
        _draw_line(axes, line, _COLOURS[number % len(_COLOURS)])
    _set_ticks(axes, panel)
    if len(panel.lines) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(panel.lines), frameon=False)


def _set_ticks(axes: "Axes", panel: Panel) -> None:
    """Whole numbers; on a logarithmic axis the values themselves."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    if not panel.logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        return
    axes.set_xscale("log")
    values = sorted({x for line in panel.lines for x, _ in line.shown})
    axes.set_xticks(values, labels=[f"{value:.1e}" for value in values])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_line(axes: "Axes", line: Line, colour: str) -> None:
    xs, ys = [x for x, _ in line.shown], [y for _, y in line.shown]
    axes.plot(
        xs,
        ys,
        label=line.name,
        color=colour,
        alpha=0.3 if line.pale else 1.0,
        linewidth=points(1 if line.pale else 2),
        marker="o" if line.dots or len(xs) == 1 else None,
        markersize=points(7),
    )


def _smoothed(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A running mean that starts as the plain mean of what came so far."""
    smoothed: list[tuple[float, float]] = []
    total = weight = 0.0
    for x, y in values:
        total = _SMOOTHING * total + y
        weight = _SMOOTHING * weight + 1
        smoothed.append((x, total / weight))
    return smoothed
