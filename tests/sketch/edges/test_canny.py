from dataclasses import replace

import numpy as np

from sketch.canvas import Target, on_canvas
from sketch.edges.canny import canny_strokes
from sketch.raster.bezier import sampled
from sketch.strokes import CANVAS
from tests.sketch.stills import blank, target


def ringed(shape: tuple[int, int] = (CANVAS, CANVAS)) -> Target:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    far = np.hypot(rows - shape[0] / 2, columns - shape[1] / 2)
    grey = np.where(far < 45, 40, 220).astype(np.uint8)
    picture, placed = on_canvas(np.repeat(grey[..., None], 3, axis=2))
    return Target(picture, np.ones((CANVAS, CANVAS), np.float32), placed)


def test_each_stroke_is_one_curve_along_an_edge() -> None:
    strokes = canny_strokes(ringed(), 16)
    assert 2 <= len(strokes) <= 16
    corners = np.concatenate([sampled(points) for points in strokes.points])
    assert np.abs(np.linalg.norm(corners - CANVAS / 2, axis=1) - 45).max() < 3


def test_an_edge_is_walked_once() -> None:
    strokes = canny_strokes(ringed(), 64)
    lengths = [
        np.linalg.norm(np.diff(sampled(points), axis=0), axis=1).sum() for points in strokes.points
    ]
    assert 0.8 * 2 * np.pi * 45 < sum(lengths) < 1.1 * 2 * np.pi * 45


def test_the_longest_come_first_and_no_more_than_were_asked_for() -> None:
    busy = target("zebra", "street")
    few, many = canny_strokes(busy, 4), canny_strokes(busy, 16)
    assert (len(few), len(many)) == (4, 16)
    assert np.array_equal(few.points, many.points[:4])


def test_no_mask_and_no_padding_is_seen() -> None:
    wide = ringed((112, 224))
    strokes = canny_strokes(wide, 32)
    rows = np.concatenate([sampled(points)[:, 1] for points in strokes.points])
    assert rows.min() > 60
    assert rows.max() < 164
    masked = replace(wide, mask=np.zeros((CANVAS, CANVAS), np.float32))
    assert np.array_equal(canny_strokes(masked, 32).points, strokes.points)


def test_a_blank_picture_has_no_strokes() -> None:
    assert len(canny_strokes(blank(), 8)) == 0
