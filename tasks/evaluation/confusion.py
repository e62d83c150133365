"""Which action was taken for which, as a picture, drawn with Pillow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.errors import KinodexError
from models.files import replaced_whole

# Cells shrink from the one size to the other as labels become more, and the picture stays a few
# thousand pixels wide. Writing needs rows of the height of the smaller one.
_LARGEST_CELL, _SMALLEST_CELL = 40, 11
_USUAL_SIDE = 1400
# Past this, the labels with the most clips are drawn: Pillow warns of larger pictures, and many
# viewers do not open them.
_MOST_LABELS = 750
_NUMBERED_CELL = 26
_EDGE, _GAP = 16, 6
_LONGEST_NAME = 40
_LISTED = 20
_INK, _GRID, _PAPER = (60, 60, 60), (225, 225, 225), (255, 255, 255)
_RIGHT, _WRONG = (31, 92, 160), (200, 80, 30)

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class _Table:
    """What is drawn: rows and columns of the same labels, and a column for what was not read."""

    counts: np.ndarray  # (labels, labels + 1)
    names: list[str]
    cell: int

    @property
    def shares(self) -> np.ndarray:
        """Of the clips of each row; 0 where it has none. shape: (labels, labels + 1)"""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def columns(self) -> list[str]:
        return [*self.names, "(not decoded)"]


def draw_confusion(counts: np.ndarray, labels: Sequence[str], file: Path, *, title: str) -> None:
    """Write a PNG: rows are what the clips are, columns what they were taken for.

    Blue is right and orange wrong, the darker the more of the row's clips; below stands what is
    confused most. Labels that no clip has and none was taken for are left out. The file is
    replaced as a whole.

    counts: (labels, labels + 1), the last column for clips that could not be decoded

    Raises KinodexError when the file cannot be written.
    """
    table = _shown(counts, labels)
    font = ImageFont.load_default(min(13, table.cell - 2))
    names = _strip(table.names, table.cell, font, at_right=True)
    heads = _strip(table.columns, table.cell, font, at_right=False).rotate(90, expand=True)
    lines = list(_worst_confusions(table))
    left, top = _EDGE + names.width + _GAP, 3 * _EDGE + heads.height + _GAP
    width, height = table.counts.shape[1] * table.cell, len(table.names) * table.cell
    picture = Image.new(
        "RGB",
        (max(left + width, 760) + _EDGE, top + height + (len(lines) + 3) * 18 + _EDGE),
        _PAPER,
    )
    draw = ImageDraw.Draw(picture)
    draw.text((_EDGE, _EDGE), title, fill=_INK, font=ImageFont.load_default(15))
    picture.paste(names, (_EDGE, top))
    picture.paste(heads, (left, top - _GAP - heads.height))
    _draw_cells(draw, table, left, top)
    for number, line in enumerate(lines):
        place = (_EDGE, top + height + 18 * (number + 1))
        draw.text(place, line, fill=_INK, font=ImageFont.load_default(13))
    _save(picture, file)


def _shown(counts: np.ndarray, labels: Sequence[str]) -> _Table:
    present = counts.sum(axis=1) + counts[:, :-1].sum(axis=0)
    order = np.argsort(-present, kind="stable")[:_MOST_LABELS]
    kept = np.sort(order[present[order] > 0])
    undecoded = counts[:, -1:]
    shown = np.concatenate([counts[np.ix_(kept, kept)], undecoded[kept]], axis=1)
    names = [_shortened(labels[position]) for position in kept]
    cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, _USUAL_SIDE // max(1, len(names))))
    return _Table(shown, names, cell)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _strip(names: Sequence[str], row: int, font: _Font, *, at_right: bool) -> Image.Image:
    """Names below each other, a row each, all at the right end or all at the left."""
    width = max(int(font.getlength(name)) for name in names) + 2
    strip = Image.new("RGB", (width, row * len(names)), _PAPER)
    draw = ImageDraw.Draw(strip)
    x, anchor = (width - 1, "rm") if at_right else (0, "lm")
    for number, name in enumerate(names):
        draw.text((x, row * number + row // 2), name, fill=_INK, font=font, anchor=anchor)
    return strip


def _draw_cells(draw: ImageDraw.ImageDraw, table: _Table, left: int, top: int) -> None:
    rows, columns = table.counts.shape
    right, bottom = left + columns * table.cell, top + rows * table.cell
    for row in range(rows + 1):
        y = top + row * table.cell
        draw.line((left, y, right, y), fill=_GRID)
    for column in range(columns + 1):
        x = left + column * table.cell
        draw.line((x, top, x, bottom), fill=_GRID)
    shares = table.shares
    font = ImageFont.load_default(11)
    for row, column in np.argwhere(table.counts).tolist():
        x, y = left + column * table.cell, top + row * table.cell
        share = shares[row, column]
        hue = _RIGHT if row == column else _WRONG
        draw.rectangle((x + 1, y + 1, x + table.cell - 1, y + table.cell - 1), _mixed(hue, share))
        if table.cell >= _NUMBERED_CELL:
            middle = (x + table.cell / 2, y + table.cell / 2)
            ink = _PAPER if share > 0.4 else _INK
            draw.text(middle, f"{100 * share:.0f}", fill=ink, font=font, anchor="mm")


def _mixed(hue: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """The hue on paper; by the root of the share, or one clip of hundred would not be seen."""
    weight = float(share) ** 0.5
    red, green, blue = (round(255 - weight * (255 - channel)) for channel in hue)
    return red, green, blue


def _worst_confusions(table: _Table) -> Iterator[str]:
    wrong = table.counts.copy()
    np.fill_diagonal(wrong, 0)
    rows, columns = np.unravel_index(np.argsort(-wrong, axis=None, kind="stable"), wrong.shape)
    totals = table.counts.sum(axis=1)
    yield "Taken for another most often:" if wrong.any() else "No clip was taken for another."
    for row, column in list(zip(rows.tolist(), columns.tolist(), strict=True))[:_LISTED]:
        if wrong[row, column]:
            share = f"{wrong[row, column]} of {totals[row]}"
            yield f"{table.names[row]}: {share} as {table.columns[column]}"


def _save(picture: Image.Image, file: Path) -> None:
    try:
        with replaced_whole(file, durable=True) as draft:
            picture.save(draft, format="PNG", optimize=True)
    except OSError as error:
        raise KinodexError(f"{str(file)!r} cannot be written ({error.strerror})") from error
