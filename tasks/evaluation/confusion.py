"""Which action was taken for which, as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.errors import KinodexError
from search.wording import printable
from tasks.terminal.plots import BLUE, GRID, ORANGE, house_style, new_figure, points, save_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Cells shrink from the one size to the other as labels become more, and the picture stays a few
# thousand pixels wide. Writing needs rows of the height of the smaller one.
_LARGEST_CELL, _SMALLEST_CELL = 40, 11
_USUAL_SIDE = 1400
# Past this, the labels with the most clips are drawn: Pillow warns of larger pictures, and many
# viewers do not open them.
_MOST_LABELS = 750
_NUMBERED_CELL = 26
_GAP = 12
_LONGEST_NAME = 40
_LISTED = 20


@dataclass(frozen=True)
class ConfusionTable:
    """What is drawn: rows and columns of the same labels, and a column for what was not read."""

    counts: np.ndarray  # (labels, labels + 1)
    names: list[str]
    cell: int  # pixels

    @property
    def shares(self) -> np.ndarray:
        """The part of each row's clips; 0 where it has none. shape: (labels, labels + 1)"""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def columns(self) -> list[str]:
        """What the columns are called."""
        return [*self.names, "(not decoded)"]


def draw_confusion(counts: np.ndarray, labels: Sequence[str], file: Path, *, title: str) -> None:
    """Write a PNG: rows are what the clips are, columns what they were taken for.

    Blue is right and orange wrong, the darker the more of the row's clips; below stands what is
    confused most. Labels that no clip has and none was taken for are left out. The file is
    replaced as a whole.

    counts: (labels, labels + 1), the last column for clips that could not be decoded

    Raises PlotsMissing, and KinodexError when the file cannot be written.
    """
    with house_style():
        figure = confusion_figure(confusion_table(counts, labels), title=title)
        try:
            save_png(figure, file, grows=True)
        except OSError as error:
            raise KinodexError(f"{str(file)!r} cannot be written ({error.strerror})") from error


def confusion_table(counts: np.ndarray, labels: Sequence[str]) -> ConfusionTable:
    """What of the counts is drawn, and how large."""
    present = counts.sum(axis=1) + counts[:, :-1].sum(axis=0)
    order = np.argsort(-present, kind="stable")[:_MOST_LABELS]
    kept = np.sort(order[present[order] > 0])
    undecoded = counts[:, -1:]
    shown = np.concatenate([counts[np.ix_(kept, kept)], undecoded[kept]], axis=1)
    names = [_shortened(printable(labels[position])) for position in kept]
    cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, _USUAL_SIDE // max(1, len(names))))
    return ConfusionTable(shown, names, cell)


def confusion_figure(table: ConfusionTable, *, title: str) -> "Figure":
    """The cells fill the figure; names, title and list stand around it. Within `house_style`."""
    rows, columns = table.counts.shape
    figure = new_figure(columns * table.cell, rows * table.cell)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(_coloured(table), interpolation="nearest", aspect="auto")
    _draw_grid(axes, table)
    if table.cell >= _NUMBERED_CELL:
        _number(axes, table)
    above = _write_names(axes, table) + _GAP
    _write_beside(axes, title, (0, 1), above, size=15)
    _write_beside(axes, "\n".join(_worst_confusions(table)), (0, 0), -_GAP, size=13)
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _coloured(table: ConfusionTable) -> np.ndarray:
    """Blue on the diagonal and orange beside it, on paper; uint8 RGB (labels, labels + 1, 3).

    They follow the root of the share, or one clip of a hundred would not be seen.
    """
    from matplotlib.colors import to_rgb

    right = np.eye(*table.counts.shape, dtype=np.bool_)[..., None]
    hues = np.where(right, to_rgb(BLUE), to_rgb(ORANGE))
    weights = np.sqrt(table.shares)[..., None]
    return np.rint(255 * (1 - weights * (1 - hues))).astype(np.uint8)


def _draw_grid(axes: "Axes", table: ConfusionTable) -> None:
    rows, columns = table.counts.shape
    style: dict[str, Any] = {"colors": GRID, "linewidths": points(1), "clip_on": False}
    axes.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, **style)
    axes.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, **style)


def _write_names(axes: "Axes", table: ConfusionTable) -> float:
    """The labels, left and above, as high as a row has room for; → the height of those above."""
    space = _GAP / 2 / table.cell
    size = points(min(13, table.cell - 2))
    for row, name in enumerate(table.names):
        axes.text(-0.5 - space, row, name, size=size, ha="right", va="center_baseline")
    heads = [
        axes.text(column, -0.5 - space, name, size=size, rotation=90, ha="center", va="bottom")
        for column, name in enumerate(table.columns)
    ]
    return _GAP / 2 + max(head.get_window_extent().height for head in heads)


def _write_beside(
    axes: "Axes", text: str, corner: tuple[float, float], pixels: float, *, size: int
) -> None:
    """A text at a corner of the cells, some pixels above or, below zero, under it."""
    axes.annotate(
        text,
        corner,
        xycoords="axes fraction",
        xytext=(0, points(pixels)),
        textcoords="offset points",
        va="bottom" if pixels > 0 else "top",
        linespacing=1.5,
        size=points(size),
    )


def _number(axes: "Axes", table: ConfusionTable) -> None:
    """The percentage in each cell that holds any clip."""
    shares = table.shares
    for row, column in np.argwhere(table.counts).tolist():
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            color="white" if share > 0.4 else "black",
            size=points(11),
            ha="center",
            va="center_baseline",
        )


def _worst_confusions(table: ConfusionTable) -> Iterator[str]:
    wrong = table.counts.copy()
    np.fill_diagonal(wrong, 0)
    rows, columns = np.unravel_index(np.argsort(-wrong, axis=None, kind="stable"), wrong.shape)
    totals = table.counts.sum(axis=1)
    yield "Taken for another most often:" if wrong.any() else "No clip was taken for another."
    for row, column in list(zip(rows.tolist(), columns.tolist(), strict=True))[:_LISTED]:
        if wrong[row, column]:
            share = f"{wrong[row, column]} of {totals[row]}"
            yield f"{table.names[row]}: {share} as {table.columns[column]}"
