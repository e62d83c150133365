"""Many sketches at a glance: pages of sketches with their captions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from sketch.formats.png import grey
from sketch.formats.svg import one_line
from sketch.strokes import CANVAS, Sketch

_GAP = 12
_CAPTION_HEIGHT = 20
_FONT_SIZE = 13
_PAPER, _FRAME, _TEXT = "#fff", "#ccc", "#333"
# Longer names are shortened before their width is measured, which takes time by the letter.
_LONGEST_CAPTION = 200


@dataclass(frozen=True)
class SheetItem:
    """What a cell shows. photograph: uint8 RGB (height, width, 3), of any size.

    Without a sketch its place stays empty.
    """

    sketch: Sketch | None
    caption: str
    photograph: np.ndarray | None = None


@dataclass(frozen=True)
class SheetLayout:
    """How a page looks: cells in rows, each a sketch over its caption.

    tile: side of a sketch, pixels
    photographs: whether each sketch has its photograph to the left
    """

    columns: int = 6
    rows: int = 6
    tile: int = CANVAS
    photographs: bool = False

    def __post_init__(self) -> None:
        if min(self.columns, self.rows, self.tile) < 1:
            raise ValueError(f"a contact sheet needs columns, rows and pixels, not {self}")

    @property
    def cell_width(self) -> int:
        """The width of a cell without the gap beside it."""
        return self.tile * (2 if self.photographs else 1)

    def size(self, rows: int) -> tuple[int, int]:
        """Width and height of a page of `rows` rows."""
        width = self.columns * (self.cell_width + _GAP) + _GAP
        return width, rows * (self.tile + _CAPTION_HEIGHT + _GAP) + _GAP

    def corner(self, number: int) -> tuple[int, int]:
        """Left and top of a cell."""
        row, column = divmod(number, self.columns)
        left = _GAP + column * (self.cell_width + _GAP)
        return left, _GAP + row * (self.tile + _CAPTION_HEIGHT + _GAP)


def contact_sheet(
    items: Iterable[SheetItem], *, layout: SheetLayout | None = None
) -> Iterator[Image.Image]:
    """The pages, one after the other; only one page and one sketch are in memory at a time.

    All pages are equally large, but the last one ends below its last row. Captions may be any
    text: what the font does not have becomes a box, what is too long loses its middle. No items,
    no pages.
    """
    layout = layout or SheetLayout()
    cells = layout.columns * layout.rows
    count = 0
    for count, item in enumerate(items, start=1):
        cell = (count - 1) % cells
        if cell == 0:
            page = _empty_page(layout)
        _draw_cell(page, item, layout.corner(cell), layout)
        if cell == cells - 1:
            yield page
    if count % cells:
        rows = -(-(count % cells) // layout.columns)
        yield page.crop((0, 0, *layout.size(rows)))


def _empty_page(layout: SheetLayout) -> Image.Image:
    mode = "RGB" if layout.photographs else "L"
    return Image.new(mode, layout.size(layout.rows), _PAPER)


def _draw_cell(
    page: Image.Image, item: SheetItem, corner: tuple[int, int], layout: SheetLayout
) -> None:
    left, top = corner
    if layout.photographs and item.photograph is not None:
        side = (layout.tile, layout.tile)
        page.paste(ImageOps.pad(Image.fromarray(item.photograph), side, color=_PAPER), corner)
    if item.sketch is not None:
        drawn = Image.fromarray(grey(item.sketch.strokes, size=layout.tile))
        page.paste(drawn, (left + layout.cell_width - layout.tile, top))
    pen = ImageDraw.Draw(page)
    frame = (left - 1, top - 1, left + layout.cell_width, top + layout.tile)
    pen.rectangle(frame, outline=_FRAME)
    text = _fitted(item.caption, layout.cell_width)
    pen.text((left, top + layout.tile + 3), text, fill=_TEXT, font=_font())


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)


def _fitted(caption: str, width: int) -> str:
    """The caption on one line of `width` pixels: names differ at their ends, so the middle goes."""
    text = _shortened(one_line(caption), _LONGEST_CAPTION)
    for letters in range(len(text), 1, -1):
        shortened = _shortened(text, letters)
        if _font().getlength(shortened) <= width:
            return shortened
    return ""


def _shortened(text: str, letters: int) -> str:
    """The text in `letters` letters, at least two, with its middle left out."""
    if len(text) <= letters:
        return text
    end = (letters - 1) // 2
    return f"{text[: letters - 1 - end]}…{text[len(text) - end :]}"
