import io

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from sketch.formats.png import to_png
from sketch.formats.svg import to_svg
from sketch.raster.narrow_band import render_strokes
from sketch.strokes import Strokes
from tests.sketch.sketches import line, sketch_of, strokes_of
from tests.sketch.svg_reading import from_svg

SKETCH = sketch_of(strokes_of(12))


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_at_its_own_size_a_png_is_what_was_seen_while_drawing() -> None:
    seen = render_strokes(SKETCH.strokes)
    shown = np.asarray(opened(to_png(SKETCH)), np.float32) / 255
    assert shown.shape == (224, 224)
    np.testing.assert_allclose(shown, seen, atol=0.5 / 255 + 1e-6, rtol=0)


def test_the_strokes_of_an_svg_give_the_same_png() -> None:
    read = from_svg(to_svg(SKETCH, title="x"))
    before = np.asarray(opened(to_png(SKETCH)), int)
    assert np.abs(np.asarray(opened(to_png(sketch_of(read))), int) - before).max() <= 1


def test_a_larger_png_is_drawn_at_that_size_and_not_enlarged() -> None:
    sketch = sketch_of(Strokes.plain(line(y=112)[None]))
    large = np.asarray(opened(to_png(sketch, size=896)))
    column = large[:, 448]
    assert large.shape == (896, 896)
    assert (column == 0).sum() == 12  # three pixels of the canvas, with sharp edges
    assert (column == 255).sum() == 896 - 12


def test_a_thumbnail_is_a_small_file() -> None:
    assert len(to_png(sketch_of(Strokes.plain(strokes_of(16).points)))) < 6_000


def test_no_strokes_are_white_paper() -> None:
    assert opened(to_png(sketch_of(strokes_of(0)), size=7)).getextrema() == (255, 255)


@pytest.mark.parametrize("size", [0, -4, 8193])
def test_a_size_that_cannot_be_drawn_is_a_sentence(size: int) -> None:
    with pytest.raises(KinodexError, match=f"1 to 8192 pixels wide, not {size}"):
        to_png(SKETCH, size=size)
