"""Initial strokes from edges: long, near to the lines, the outline first."""

import numpy as np
import pytest
import torch

from sketch.edges.edge_map import EdgeMap
from sketch.edges.fit import fit_edges
from sketch.raster.bezier import sample
from tests.sketch.edge_pictures import circle, edges_of

NO_EDGES = EdgeMap(
    pixels=np.zeros((0, 2), np.float32),
    weights=np.zeros(0, np.float32),
    belongs=np.zeros(0, np.float32),
    rim=np.zeros(0, np.float32),
    tangents=np.zeros((0, 2), np.float32),
    distance=np.full((224, 224), 500, np.float32),
    length_px=0.0,
)
FACE = edges_of(
    circle(112, 112, 90),
    circle(80, 90, 14),
    circle(144, 90, 14),
    [(80, 150), (112, 165), (144, 150)],
)
SQUARE = edges_of([(50, 50), (170, 50), (170, 170), (50, 170), (50, 50)])


def _points(strokes: np.ndarray) -> np.ndarray:
    return sample(torch.from_numpy(strokes), 60).reshape(-1, 2).numpy()


def _covered(edges: EdgeMap, strokes: np.ndarray) -> float:
    way = edges.pixels[:, None] - _points(strokes)[None]
    return float((np.linalg.norm(way, axis=2).min(1) < 3).mean())


def _lengths(strokes: np.ndarray) -> np.ndarray:
    corners = sample(torch.from_numpy(strokes), 60).numpy()
    return np.linalg.norm(np.diff(corners, axis=1), axis=2).sum(1)


@pytest.mark.parametrize("count", [1, 4, 8, 16, 32])
def test_gives_as_many_strokes_as_asked_for_and_none_is_a_dot(count: int) -> None:
    (strokes,) = fit_edges([FACE], count)
    assert strokes.shape == (count, 4, 2)
    assert strokes.dtype == np.float32
    assert _lengths(strokes).min() > 10


def test_sixteen_strokes_cover_a_face_and_stay_on_its_lines() -> None:
    (strokes,) = fit_edges([FACE], 16)
    assert _covered(FACE, strokes) > 0.97
    columns, rows = _points(strokes).astype(int).T
    assert FACE.distance[rows, columns].mean() < 1


def test_four_strokes_are_the_sides_of_a_square() -> None:
    (strokes,) = fit_edges([SQUARE], 4)
    assert _covered(SQUARE, strokes) > 0.97
    assert np.abs(_lengths(strokes) - 120).max() < 8


def test_outline_comes_before_stronger_lines_inside() -> None:
    outline, inside = circle(112, 112, 90), circle(112, 112, 60)
    (strokes,) = fit_edges([edges_of(outline, inside, weights=(0.6, 1))], 2)
    assert _covered(edges_of(outline), strokes) > 0.85
    assert _covered(edges_of(inside), strokes) == 0


def test_strong_line_comes_before_a_weak_one() -> None:
    strong, weak = [(80, 90), (144, 90)], [(70, 130), (154, 130)]
    (strokes,) = fit_edges([edges_of(strong, weak, weights=(0.8, 0.2))], 1)
    assert _covered(edges_of(strong), strokes) > 0.9
    assert _covered(edges_of(weak), strokes) == 0


def test_no_stroke_crosses_empty_paper() -> None:
    left, right = [(30, 40), (30, 180)], [(190, 40), (190, 180)]
    (strokes,) = fit_edges([edges_of(left, right)], 4)
    across = _points(strokes)[:, 0]
    assert not ((across > 34) & (across < 186)).any()


def test_short_gap_of_a_line_is_drawn_over() -> None:
    (strokes,) = fit_edges([edges_of([(20, 100), (100, 100)], [(107, 100), (190, 100)])], 1)
    assert _lengths(strokes)[0] == pytest.approx(170, abs=5)


def test_two_lines_within_a_strokes_width_are_one() -> None:
    twin = edges_of([(40, 100), (180, 100)], [(40, 102), (180, 102)], [(40, 160), (100, 160)])
    (strokes,) = fit_edges([twin], 2)
    assert strokes[..., 1].max() > 155


def test_picture_without_edges_gets_dots_in_the_middle() -> None:
    (strokes,) = fit_edges([NO_EDGES], 3)
    assert strokes.shape == (3, 4, 2)
    assert np.abs(strokes - 112).max() <= 0.5


def test_picture_of_one_short_line_gets_it_in_parts() -> None:
    (strokes,) = fit_edges([edges_of([(100, 100), (109, 100)])], 4)
    assert strokes.shape == (4, 4, 2)
    assert np.abs(strokes[..., 1] - 100.5).max() < 0.5


def test_batch_gives_what_each_picture_gives_alone() -> None:
    together = fit_edges([FACE, NO_EDGES, SQUARE], [8, 4, 4])
    alone = [fit_edges([FACE], 8)[0], fit_edges([NO_EDGES], 4)[0], fit_edges([SQUARE], 4)[0]]
    for first, second in zip(together, alone, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-4)


def test_same_seed_gives_the_same_strokes_and_another_seed_others() -> None:
    (first,), (again,), (other,) = (fit_edges([FACE], 6, seed=seed) for seed in (3, 3, 8))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 5


def test_beside_what_is_drawn_other_lines_are_worth_less() -> None:
    rows = [[(60.0, 40.0 + 5 * n), (160.0, 40.0 + 5 * n)] for n in range(9)]
    apart = [[(30.0 + 20 * n, 130.0), (30.0 + 20 * n, 190.0)] for n in range(8)]
    # The lines beside each other are the clearer ones, and longer too: they come first.
    edges = edges_of(*rows, *apart, weights=(1.0,) * 9 + (0.9,) * 8)
    (strokes,) = fit_edges([edges], 12)
    assert _covered(edges_of(*apart), strokes) > 0.7
