"""Edge maps of plain shapes, made from the lines that they consist of."""

import cv2
import numpy as np

from sketch.edges.edge_map import EdgeMap
from sketch.strokes import CANVAS


def edges_of(*lines: list[tuple[float, float]], weights: tuple[float, ...] = ()) -> EdgeMap:
    """Polylines as edges of one pixel's width; without weights all of them weigh 1."""
    strength = np.zeros((CANVAS, CANVAS), np.float32)
    for number, line in enumerate(lines):
        corners = np.round(np.array(line)).astype(np.int32)[:, None]
        drawn = cv2.polylines(np.zeros((CANVAS, CANVAS), np.uint8), [corners], False, 1)
        strength[drawn > 0] = weights[number] if weights else 1.0
    rows, columns = np.nonzero(strength)
    return EdgeMap(
        pixels=np.stack([columns, rows], 1).astype(np.float32) + 0.5,
        weights=strength[rows, columns],
        belongs=np.ones(len(rows), np.float32),
        rim=np.zeros(len(rows), np.float32),
        tangents=np.tile(np.float32([1, 0]), (len(rows), 1)),
        distance=cv2.distanceTransform((strength == 0).astype(np.uint8), cv2.DIST_L2, 5),
        length_px=float(len(rows)),
    )


def circle(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """A closed ring of 90 corners."""
    turns = np.linspace(0, 2 * np.pi, 91)
    return [(x + radius * np.cos(turn), y + radius * np.sin(turn)) for turn in turns]
