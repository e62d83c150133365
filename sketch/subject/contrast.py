"""What stands out of a picture by its colours, where nothing moves."""

import cv2
import numpy as np

_WORK_SIDE = 96
_SMOOTH_PX = 0.9
# The colours of each side of the picture, in a rim of this share, are told by a few.
_RIM_SHARE, _COLOURS = 0.06, 4
# A subject may reach one of the four sides, which then knows its colours.
_SIDES_THAT_KNOW = 3
# Standard deviation of the weight of the middle, in shares of the picture's sides.
_MIDDLE = 0.38
# How often barriers are looked for from each of the four sides.
_SWEEPS = 3


def contrast_map(picture: np.ndarray) -> np.ndarray:
    """How much a place stands out of the picture, float32 (height, width), 0 to 1.

    picture: uint8 RGB (height, width, 3)

    The sum of two maps: how far a place's colour is from the colours of the picture's rim, weighed
    by how central it is; and how high the barrier of colours is on the easiest way from the rim to
    it (Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS", 2015).
    """
    height, width = picture.shape[:2]
    scale = _WORK_SIDE / max(height, width)
    small = max(8, round(width * scale)), max(8, round(height * scale))
    pixels = cv2.resize(picture, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    colours = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), (0, 0), _SMOOTH_PX)
    found = _stretched(_unlike_the_rim(colours)) + _stretched(_barriers(colours))
    wide = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return _stretched(wide)


def _stretched(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / max(float(values.max()), 1e-6), np.float32)


def _unlike_the_rim(colours: np.ndarray) -> np.ndarray:
    """Distances to the nearest of each side's colours, without the side that differs most."""
    rim = max(2, round(_RIM_SHARE * min(colours.shape[:2])))
    sides = [colours[:rim], colours[-rim:], colours[:, :rim], colours[:, -rim:]]
    apart = np.sort([_from_side(colours, side) for side in sides], axis=0)
    return np.asarray(apart[:_SIDES_THAT_KNOW].mean(axis=0) * _middle(*colours.shape[:2]))


def _from_side(colours: np.ndarray, side: np.ndarray) -> np.ndarray:
    cv2.setRNGSeed(0)  # k-means begins anywhere
    ends = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 20, 0.5)
    samples = np.ascontiguousarray(side.reshape(-1, 3))
    labels = np.zeros((len(samples), 1), np.int32)
    _, _, centres = cv2.kmeans(samples, _COLOURS, labels, ends, 2, cv2.KMEANS_PP_CENTERS)
    return np.asarray(np.linalg.norm(colours[:, :, None] - centres, axis=3).min(axis=2))


def _middle(height: int, width: int) -> np.ndarray:
    down, across = np.mgrid[0:height, 0:width]
    far = ((across + 0.5) / width - 0.5) ** 2 + ((down + 0.5) / height - 0.5) ** 2
    return np.asarray(np.exp(-far / (2 * _MIDDLE**2)))


def _barriers(colours: np.ndarray) -> np.ndarray:
    """By how much a channel must change on the way from the rim, (height, width).

    The way is approximated: it is followed row by row and column by column, there and back.
    """
    height, width = colours.shape[:2]
    found = np.full((height, width), np.inf, np.float32)
    found[[0, -1]] = found[:, [0, -1]] = 0
    highest, lowest = colours.copy(), colours.copy()

    def pass_on(source: tuple[slice | int, ...], goal: tuple[slice | int, ...]) -> None:
        up = np.maximum(highest[source], colours[goal])
        down = np.minimum(lowest[source], colours[goal])
        barrier = np.where(np.isfinite(found[source]), (up - down).max(axis=-1), np.inf)
        lower = barrier < found[goal]
        found[goal] = np.where(lower, barrier, found[goal])
        highest[goal] = np.where(lower[:, None], up, highest[goal])
        lowest[goal] = np.where(lower[:, None], down, lowest[goal])

    every = slice(None)
    for _ in range(_SWEEPS):
        for row in range(1, height):
            pass_on((row - 1,), (row,))
        for column in range(1, width):
            pass_on((every, column - 1), (every, column))
        for row in range(height - 2, -1, -1):
            pass_on((row + 1,), (row,))
        for column in range(width - 2, -1, -1):
            pass_on((every, column + 1), (every, column))
    return found
