"""Rings that are seen in parts."""

import cv2
import numpy as np
import pytest

from sketch.canvas import Target
from sketch.edges.chains import Chain, edge_chains
from sketch.edges.edge_map import EdgeMap, edge_map
from sketch.edges.ellipses import rings
from sketch.edges.fit import fit_edges
from sketch.strokes import CANVAS

LIGHT, DARK = (200, 200, 200), (40, 40, 40)


def paper() -> np.ndarray:
    return np.full((CANVAS, CANVAS, 3), LIGHT, np.uint8)


def edges_of_picture(picture: np.ndarray) -> EdgeMap:
    return edge_map(Target.unmasked(picture.astype(np.float32) / 255))


def found(picture: np.ndarray) -> list[Chain]:
    edges = edges_of_picture(picture)
    return rings(edge_chains(edges), edges)


def wheel(*, hidden_deg: int) -> np.ndarray:
    """A disc about (90, 120), a part of which lies behind something as light as the paper."""
    picture = paper()
    cv2.ellipse(picture, (90, 120), (50, 40), 0, 0, 360, DARK, -1, cv2.LINE_AA)
    if hidden_deg:
        cv2.ellipse(picture, (90, 120), (70, 60), 0, 0, hidden_deg, LIGHT, -1, cv2.LINE_AA)
    return picture


def test_a_ring_behind_something_is_closed():
    [ring] = found(wheel(hidden_deg=60))
    assert ring.points.mean(axis=0) == pytest.approx((90.5, 120.5), abs=4)
    assert np.ptp(ring.points, axis=0) == pytest.approx((100, 80), abs=6)
    assert np.linalg.norm(ring.points[0] - ring.points[-1]) < 1


def test_half_a_ring_is_none():
    assert found(wheel(hidden_deg=190)) == []


def test_corners_are_no_rings():
    picture = paper()
    cv2.rectangle(picture, (50, 50), (170, 120), DARK, -1)
    assert found(picture) == []


def test_a_picture_without_edges_has_no_rings():
    assert found(paper()) == []


def test_of_rings_that_are_nearly_the_same_one_is_kept():
    picture = paper()
    cv2.circle(picture, (110, 110), 50, DARK, 8, cv2.LINE_AA)
    assert len(found(picture)) == 1


def test_eyes_are_drawn_whole_before_the_pattern_beside_them():
    picture = paper()
    cv2.rectangle(picture, (20, 20), (204, 204), (120, 150, 120), -1)
    for row in range(120, 190, 10):
        cv2.line(picture, (80, row), (144, row), (60, 80, 60), 3)
    eyes = [(80, 70), (144, 70)]
    for eye in eyes:
        cv2.circle(picture, eye, 10, (30, 30, 60), -1, cv2.LINE_AA)
    (strokes,) = fit_edges([edges_of_picture(picture)], 12)
    for eye in eyes:
        near = np.linalg.norm(strokes - np.add(eye, 0.5), axis=2).max(axis=1) < 22
        assert near.sum() == 2
        assert np.ptp(strokes[near][:, [0, 3]].reshape(-1, 2), axis=0).max() > 12


def test_rings_are_worth_more_than_their_lines_but_only_the_first_two():
    picture = paper()
    for number in range(4):
        cv2.circle(picture, (40 + 48 * number, 110), 14, DARK, -1, cv2.LINE_AA)
    weights = sorted(float(ring.weights.mean()) for ring in found(picture))
    assert len(weights) == 4
    assert weights[2] > 1.5 * weights[1]
