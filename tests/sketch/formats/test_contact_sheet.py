from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageChops

from sketch.formats.contact_sheet import SheetItem, SheetLayout, contact_sheet
from sketch.formats.png import grey
from sketch.strokes import Strokes
from tests.sketch.sketches import line, sketch_of, strokes_of

SKETCH = sketch_of(strokes_of(6))
SMALL = SheetLayout(columns=3, rows=2, tile=80)

ODD_CAPTIONS = [
    "",
    "x" * 100_000,
    "猫 🙂 مرحبا ि",
    "odd \udcff name",
    'two\nlines "><script>',
    "\x00\x1b[31m",
]


def pages_of(count: int, layout: SheetLayout) -> list[Image.Image]:
    return list(
        contact_sheet([SheetItem(SKETCH, f"number {i}") for i in range(count)], layout=layout)
    )


def caption_area(page: Image.Image, layout: SheetLayout, cell: int = 0) -> Image.Image:
    left, top = layout.corner(cell)
    return page.crop(
        (left, top + layout.tile + 1, left + layout.cell_width, top + layout.tile + 20)
    )


def test_pages_are_filled_and_the_last_one_ends_below_its_last_row() -> None:
    # Three columns of 80 and four gaps; two rows of 80 + 20 and three gaps, or one and two.
    assert [page.size for page in pages_of(8, SMALL)] == [(288, 236), (288, 124)]
    assert [page.size for page in pages_of(6, SMALL)] == [(288, 236)]
    assert [page.size for page in pages_of(4, SMALL)] == [(288, 236)]
    assert pages_of(0, SMALL) == []


def test_each_sketch_lies_in_its_own_cell() -> None:
    sketches = [sketch_of(Strokes.plain(line(y=40.0 * (i + 1))[None])) for i in range(5)]
    page = next(contact_sheet([SheetItem(one, "a") for one in sketches], layout=SMALL))
    for number, sketch in enumerate(sketches):
        left, top = SMALL.corner(number)
        shown = np.asarray(page.crop((left, top, left + 80, top + 80)))
        np.testing.assert_array_equal(shown, grey(sketch.strokes, size=80))


def test_pages_come_while_the_sketches_are_still_being_read() -> None:
    read = []

    def items() -> Iterator[SheetItem]:
        for number in range(100):
            read.append(number)
            yield SheetItem(SKETCH, "name")

    next(contact_sheet(items(), layout=SMALL))
    assert len(read) == 6


@pytest.mark.parametrize("caption", ODD_CAPTIONS)
def test_any_caption_stays_inside_its_cell(caption: str) -> None:
    page = next(contact_sheet([SheetItem(SKETCH, text) for text in (caption, "")], layout=SMALL))
    left = SMALL.corner(0)[0] + SMALL.cell_width
    beside = page.crop((left + 1, 0, SMALL.corner(1)[0] - 1, page.height))
    assert beside.getextrema() == (255, 255)
    assert caption_area(page, SMALL, cell=1).getextrema() == (255, 255)


def test_a_caption_is_seen_and_two_captions_differ() -> None:
    first = pages_of(2, SMALL)[0]
    second = next(contact_sheet([SheetItem(SKETCH, "other")], layout=SMALL))
    assert caption_area(first, SMALL).getextrema()[0] < 128
    assert ImageChops.difference(caption_area(first, SMALL), caption_area(second, SMALL)).getbbox()


def test_long_names_keep_their_ends() -> None:
    layout = SheetLayout(columns=2, rows=1)
    items = [SheetItem(SKETCH, "a" * 100 + end) for end in (" 0:01", " 0:07")]
    page = next(contact_sheet(items, layout=layout))
    first, second = (caption_area(page, layout, cell) for cell in (0, 1))
    changed = ImageChops.difference(first, second).getbbox()
    assert changed is not None
    assert changed[0] > layout.cell_width / 2


def test_photographs_lie_to_the_left_whole_and_in_colour() -> None:
    layout = SheetLayout(columns=2, rows=1, tile=80, photographs=True)
    wide = np.full((90, 160, 3), (255, 0, 0), np.uint8)
    page = next(contact_sheet([SheetItem(SKETCH, "a", wide)], layout=layout))
    left, top = layout.corner(0)
    assert page.mode == "RGB"
    assert page.getpixel((left + 40, top + 40)) == (255, 0, 0)
    assert page.getpixel((left + 40, top + 10)) == (255, 255, 255)
    sketch = np.asarray(page.crop((left + 80, top, left + 160, top + 80)))
    np.testing.assert_array_equal(sketch[..., 0], grey(SKETCH.strokes, size=80))


def test_a_sheet_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="needs columns"):
        SheetLayout(columns=0)
