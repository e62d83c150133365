"""Which sketches hold a drawing's shape."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete

from search.catalog.sketches import store_sketches
from search.catalog.tables import SegmentSketch
from search.finding.sketch_matching import SketchMatcher
from search.library import Library
from search.queries.drawings import LineDrawing
from tests.search.catalog.test_sketches import RECIPE, sketch
from tests.search.finding.test_engine import Shelf, axis

Ends = Sequence[tuple[float, float, float, float]]  # x, y to x, y of each line, 0 to 1

CROSS = ((0, 0, 1, 1), (1, 0, 0, 1))
SQUARE = ((0, 0, 1, 0), (1, 0, 1, 1), (1, 1, 0, 1), (0, 1, 0, 0))
BARS = ((0, 0, 1, 0), (0, 0.5, 1, 0.5), (0, 1, 1, 1))
FENCE = ((0, 0, 0, 1), (0.5, 0, 0.5, 1), (1, 0, 1, 1))
SHAPES = {"cross": CROSS, "square": SQUARE, "bars": BARS, "fence": FENCE}


def at(lines: Ends, left: float, top: float, side: float) -> list[tuple[float, ...]]:
    return [
        (left + side * a, top + side * b, left + side * c, top + side * d) for a, b, c, d in lines
    ]


def drawing(lines: Ends) -> LineDrawing:
    return LineDrawing(tuple(np.linspace(line[:2], line[2:], 20) for line in lines))


@pytest.fixture
def shelf(library: Library, backbone) -> Shelf:
    return Shelf(library, backbone)


def draw(shelf: Shelf, *sketches: Ends) -> list[int]:
    """Segments whose sketches are of straight lines."""
    ids = shelf.put(f"/v/{len(shelf.frames)}.mp4", *[axis(0)] * len(sketches))
    with shelf.library.writing() as session:
        store_sketches(session, RECIPE, dict(zip(ids, map(stored, sketches), strict=True)))
    return ids


def stored(lines: Ends):
    ends = np.array(lines, np.float32).reshape(-1, 2, 2) * 224
    along = np.linspace(0, 1, 4, dtype=np.float32)[:, None]
    points = ends[:, :1] * (1 - along) + ends[:, 1:] * along
    count = len(lines)
    return replace(
        sketch(),
        points=points.astype(np.float32),
        half_widths=np.ones(count, np.float32),
        opacities=np.ones(count, np.float32),
        gains=np.ones(count, np.float32),
        groups=("subject",) * count,
    )


def similarities(shelf: Shelf, lines: Ends, matcher: SketchMatcher | None = None) -> dict:
    with shelf.library.reading() as session:
        ids, found = (matcher or SketchMatcher()).similarities(session, drawing(lines))
    return dict(zip(ids.tolist(), found.tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", [(0.02, 0.02, 0.95), (0.1, 0.55, 0.35), (0.6, 0.15, 0.35)])
def test_a_shape_is_found_wherever_and_however_large_it_is(shelf, shape, place):
    ids = draw(shelf, *[at(lines, *place) for lines in SHAPES.values()])
    found = similarities(shelf, SHAPES[shape])
    wanted = ids[list(SHAPES).index(shape)]
    assert list(found) == ids
    others = [found[one] for one in ids if one != wanted]
    assert found[wanted] > 0.75
    assert max(others) < found[wanted] - 0.1


def test_where_the_drawing_stood_on_its_paper_does_not_matter(shelf):
    [one] = draw(shelf, at(CROSS, 0.3, 0.3, 0.5))
    small, large = at(CROSS, 0.7, 0.1, 0.05), at(CROSS, 0, 0, 1)
    assert similarities(shelf, small)[one] == pytest.approx(
        similarities(shelf, large)[one], abs=1e-3
    )


def test_lines_of_another_direction_are_another_shape(shelf):
    bars, fence = draw(shelf, at(BARS, 0.2, 0.2, 0.5), at(FENCE, 0.2, 0.2, 0.5))
    found = similarities(shelf, BARS)
    assert found[fence] < 0.6 * found[bars]


def test_a_larger_one_says_a_little_more(shelf):
    small, large = draw(shelf, at(CROSS, 0.3, 0.3, 0.25), at(CROSS, 0.1, 0.1, 0.7))
    found = similarities(shelf, CROSS)
    assert found[large] / found[small] == pytest.approx((0.7 / 0.25) ** 0.15, abs=0.03)


def test_a_shape_among_many_lines_fits_less_than_alone(shelf):
    crowd = [(x, 0, x, 1) for x in np.linspace(0.05, 0.95, 19)]
    alone, crowded = draw(shelf, at(CROSS, 0.3, 0.3, 0.35), [*at(CROSS, 0.3, 0.3, 0.35), *crowd])
    found = similarities(shelf, CROSS)
    assert found[crowded] < 0.85 * found[alone]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        (CROSS, [0.809, 0.378, 0.000, 0.000, 0.000, 0.288, 0.656]),
        (SQUARE, [0.000, 0.609, 0.944, 0.505, 0.529, 0.165, 0.000]),
        (BARS, [0.000, 0.000, 0.524, 0.731, 0.000, 0.000, 0.000]),
        (((0, 0, 0.2, 1),), [0.231, 0.486, 0.511, 0.000, 0.594, 0.696, 0.234]),
    ],
)
def test_how_well_shapes_fit_is_as_it_was_when_the_figures_were_measured(shelf, asked, fits):
    crowd = [(x, 0, x, 1) for x in np.linspace(0.05, 0.95, 19)]
    ids = draw(
        shelf,
        at(CROSS, 0.3, 0.3, 0.35),
        [*at(CROSS, 0.3, 0.3, 0.35), *crowd],
        at(SQUARE, 0.02, 0.02, 0.95),
        at(BARS, 0.5, 0.6, 0.2),
        at(FENCE, 0.1, 0.1, 0.6),
        [(0.1, 0.2, 0.4, 0.9)],
        at(CROSS, 0.6, -0.2, 0.5),  # in part beyond the paper
    )
    found = similarities(shelf, asked)
    assert [found[one] for one in ids] == pytest.approx(fits, abs=2e-3)


def test_a_line_that_was_drawn_over_and_over_is_a_line(shelf):
    line = (0.1, 0.2, 0.8, 0.6)
    once, *others = draw(shelf, [line], *([line] * count for count in (2, 3, 4, 9, 40)))
    found = similarities(shelf, [line])
    assert [found[one] for one in others] == pytest.approx([found[once]] * 5, abs=0.1)


def test_a_faint_trace_is_no_good_fit(shelf):
    [trace] = draw(shelf, [(0.48, 0.48, 0.52, 0.52)])
    assert similarities(shelf, CROSS)[trace] < 0.5


@pytest.mark.parametrize("lines", [(), ((0.5, 0.5, 0.5, 0.5),)])
def test_a_drawing_of_a_dot_is_like_nothing(shelf, lines):
    draw(shelf, CROSS)
    assert similarities(shelf, lines) == {}


def test_where_nothing_is_sketched_nothing_is_like_it(shelf):
    assert similarities(shelf, CROSS) == {}


def test_sketches_are_read_again_when_they_have_changed(shelf):
    matcher = SketchMatcher()
    [first] = draw(shelf, at(BARS, 0.2, 0.2, 0.5))
    before = similarities(shelf, CROSS, matcher)
    [second] = draw(shelf, at(CROSS, 0.2, 0.2, 0.5))
    assert similarities(shelf, CROSS, matcher).keys() == {first, second}
    with shelf.library.writing() as session:
        session.execute(delete(SegmentSketch))
        store_sketches(session, RECIPE, {first: stored(at(CROSS, 0.2, 0.2, 0.5))})
    after = similarities(shelf, CROSS, matcher)
    assert after.keys() == {first}
    assert after[first] > before[first] + 0.2
