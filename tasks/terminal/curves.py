"""Curves of a training run as pictures, drawn with Pillow."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from models.files import replaced_whole

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 34, 40
_INK, _GRID, _PAPER = (60, 60, 60), (225, 225, 225), (255, 255, 255)
_COLOURS = ((31, 92, 160), (200, 80, 30))
_TICKS = 5
_SMOOTHING = 0.95
# Of the figures of validations: titles, and which curves are drawn together.
_VALIDATION_PANELS = {
    "R@1": {"text to video": "r1", "video to text": "video_to_text_r1"},
    "right labels": {"top-1": "top1", "mean per class": "mean_per_class"},
    "mAP": {"mAP": "map"},
}


@dataclass(frozen=True)
class Line:
    """A curve: points (x, y), by rising x."""

    name: str
    points: Sequence[tuple[float, float]]
    pale: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """Some curves over the same axes."""

    title: str
    x_name: str
    lines: Sequence[Line]
    logarithmic: bool = False  # the x axis


def draw_history(history: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Loss, raw and smoothed, and below it what the validations found, over the steps."""
    losses = [(float(record["step"]), float(record["loss"])) for record in history]
    panels = [
        Panel(
            "loss of each batch, and smoothed",
            "step",
            [Line("each batch", losses, pale=True), Line("smoothed", _smoothed(losses))],
        )
    ]
    validated = [record for record in history if record["figures"]]
    for title, curves in _VALIDATION_PANELS.items():
        lines = [
            Line(
                name,
                [(float(one["step"]), one["figures"][key]) for one in validated],
                dots=True,
            )
            for name, key in curves.items()
            if validated and key in validated[0]["figures"]
        ]
        if lines:
            panels.append(Panel(f"{title} on the validation videos, percent", "step", lines))
    draw_panels(panels, file)


def draw_sweep(
    trials: Sequence[Mapping[str, Any]], file: Path, *, figure: str = "r1", name: str = "R@1"
) -> None:
    """Loss and a figure over the learning rates; runs that diverged are left out."""
    good = [trial for trial in trials if trial["loss"] is not None and trial[figure] is not None]
    panels = [
        Panel(
            title,
            "learning rate",
            [Line(title, [(one["learning_rate"], one[key]) for one in good], dots=True)],
            logarithmic=True,
        )
        for title, key in (("loss at the end", "loss"), (f"{name}, percent", figure))
    ]
    draw_panels(panels, file)


def draw_panels(panels: Sequence[Panel], file: Path) -> None:
    """Write the panels, one below the other, as a PNG; the file is replaced as a whole."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT * len(panels)), _PAPER)
    for number, panel in enumerate(panels):
        _draw_panel(ImageDraw.Draw(picture), panel, number * _HEIGHT)
    with replaced_whole(file) as draft:
        picture.save(draft, format="PNG")


def _draw_panel(draw: ImageDraw.ImageDraw, panel: Panel, top: int) -> None:
    font = ImageFont.load_default(13)
    draw.text((_LEFT, top + 10), panel.title, fill=_INK, font=font)
    points = [point for line in panel.lines for point in line.points if math.isfinite(point[1])]
    if not points:
        draw.text((_LEFT, top + _HEIGHT // 2), "nothing to show", fill=_INK, font=font)
        return
    scale_x = math.log10 if panel.logarithmic else float
    x_of = _axis([scale_x(x) for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    y_of = _axis([y for _, y in points], top + _HEIGHT - _BOTTOM, top + _TOP)
    _draw_grid(draw, panel, top, x_of, y_of)
    for number, line in enumerate(panel.lines):
        places = [(x_of.place(scale_x(x)), y_of.place(y)) for x, y in line.points]
        _draw_line(draw, places, line, _COLOURS[number % len(_COLOURS)])
    if len(panel.lines) > 1:
        _draw_names(draw, panel, top)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float  # where `low` lies in the picture
    stop: float

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        return [self.low + (self.high - self.low) * n / (_TICKS - 1) for n in range(_TICKS)]


def _axis(values: Sequence[float], start: float, stop: float) -> _Axis:
    low, high = min(values), max(values)
    if high - low < 1e-9:  # a single point, or a flat line: put it in the middle
        low, high = low - 0.5, high + 0.5
    return _Axis(low, high, start, stop)


def _draw_grid(draw: ImageDraw.ImageDraw, panel: Panel, top: int, x_of: _Axis, y_of: _Axis) -> None:
    font = ImageFont.load_default(11)
    written: Callable[[float], str] = (
        (lambda value: f"{10**value:.1e}") if panel.logarithmic else (lambda value: f"{value:.4g}")
    )
    for value in y_of.ticks():
        y = y_of.place(value)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_GRID)
        draw.text((_LEFT - 8, y), f"{value:.4g}", fill=_INK, font=font, anchor="rm")
    bottom = top + _HEIGHT - _BOTTOM
    for value in x_of.ticks():
        x = x_of.place(value)
        draw.line((x, top + _TOP, x, bottom), fill=_GRID)
        draw.text((x, bottom + 6), written(value), fill=_INK, font=font, anchor="ma")
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    draw.text((middle, bottom + 22), panel.x_name, fill=_INK, font=font, anchor="ma")


def _draw_line(
    draw: ImageDraw.ImageDraw,
    places: Sequence[tuple[float, float]],
    line: Line,
    colour: tuple[int, int, int],
) -> None:
    shown = [place for place in places if math.isfinite(place[1])]
    ink = tuple((channel + 3 * 255) // 4 for channel in colour) if line.pale else colour
    if len(shown) > 1:
        draw.line(shown, fill=ink, width=1 if line.pale else 2)
    if line.dots:
        for x, y in shown:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=ink)


def _draw_names(draw: ImageDraw.ImageDraw, panel: Panel, top: int) -> None:
    font = ImageFont.load_default(11)
    right = _WIDTH - _RIGHT
    for number, line in reversed(list(enumerate(panel.lines))):
        draw.text((right, top + 12), line.name, fill=_COLOURS[number % 2], font=font, anchor="ra")
        right -= int(draw.textlength(line.name, font=font)) + 16


def _smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A running mean that starts as the plain mean of what came so far."""
    smoothed: list[tuple[float, float]] = []
    total = weight = 0.0
    for x, y in points:
        total = _SMOOTHING * total + y
        weight = _SMOOTHING * weight + 1
        smoothed.append((x, total / weight))
    return smoothed
