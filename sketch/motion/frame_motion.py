"""How far points go from one frame to the next: flow, checked against what the frames show."""

from dataclasses import dataclass

import cv2
import numpy as np

from sketch.canvas import visible_box
from sketch.strokes import CANVAS, Placed

# At an outline the flow is that of the thing on one side and of the background on the other.
_ASIDE_PX = (0.0, -5.0, 5.0)
_PATCH = tuple((x, y) for y in (-3, 0, 3) for x in (-3, 0, 3))
# Levels of colour (0 to 255) by which a well followed patch may differ, through noise and light.
_SAME_LEVELS = 10.0
# In doubt a sample goes with the others, the more so the more of them go together.
_BONUS_OF_ALL = 10.0
_AGREEMENTS = 2
# A far place has to look that much more alike than a near one: much in a picture looks alike.
_LEVELS_A_PX = 0.15
_TURNS_DEG = (0, -8, 8, -16, 16, -24, 24)
# How far a point may be from where a common motion takes it and still be said to follow it.
OUTLIER_PX = 2.0


def padded_to_canvas(frame: np.ndarray, placed: Placed) -> np.ndarray:
    """A frame on the canvas, uint8 RGB (224, 224, 3); the padding repeats the frame's rim."""
    left, top, right, bottom = visible_box(placed)
    across, down = frame.shape[1] / placed.width, frame.shape[0] / placed.height
    columns = _pixels(left - placed.left, right - placed.left, across, frame.shape[1])
    rows = _pixels(top - placed.top, bottom - placed.top, down, frame.shape[0])
    part = frame[rows, columns]
    smaller = part.shape[1] > right - left
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    fitted = cv2.resize(part, (right - left, bottom - top), interpolation=way)
    around = (top, CANVAS - bottom, left, CANVAS - right)
    return np.ascontiguousarray(cv2.copyMakeBorder(fitted, *around, cv2.BORDER_REPLICATE))


def _pixels(begin: float, end: float, scale: float, count: int) -> slice:
    """Which pixels of a frame lie between two places of it on the canvas; one at least."""
    first = min(max(0, round(begin * scale)), count - 1)
    return slice(first, max(first + 1, min(count, round(end * scale))))


def sample_moves(
    samples: np.ndarray, normals: np.ndarray, frame_a: np.ndarray, frame_b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far each sample goes, (strokes, samples, 2), and how sure that is, (strokes, samples).

    Flow loses what goes farther than a part of its own size. So it is looked for three times: in
    the frames as they are, after the shift of all strokes' surroundings, and after the shift,
    turn and scale that most samples agree on. What leaves no trace follows these.
    """
    pair = _Pair(samples, normals, frame_a, frame_b)
    pair.try_motion(np.eye(2, 3))
    shift = _shift(samples, frame_a, frame_b)
    turned = _turns(samples, shift)[0]
    if pair.difference(turned) > _SAME_LEVELS:
        turned = min(_turns(samples, shift), key=pair.difference)
    if shift.any() or turned[0, 0] != 1:
        pair.try_motion(turned)
    for _ in range(_AGREEMENTS):
        moved = samples + pair.moves
        common = similarity(samples.reshape(-1, 2), moved.reshape(-1, 2), pair.trust.reshape(-1))
        if common is not None:
            pair.try_motion(common.matrix, bonus=_BONUS_OF_ALL * common.share**2)
    return pair.moves, pair.trust


def _turns(samples: np.ndarray, shift: np.ndarray) -> list[np.ndarray]:
    """A shift with turns about the strokes' middle, the plain one first, (2, 3) each."""
    x, y = samples.reshape(-1, 2).mean(0)
    turns = [cv2.getRotationMatrix2D((x, y), angle_deg, 1.0) for angle_deg in _TURNS_DEG]
    return [turn + np.column_stack((np.zeros((2, 2)), shift)) for turn in turns]


class _Pair:
    """Two frames between which samples go, and the best ways that were found for them so far."""

    def __init__(
        self, samples: np.ndarray, normals: np.ndarray, frame_a: np.ndarray, frame_b: np.ndarray
    ) -> None:
        self._samples, self._normals = samples, normals
        self._grey_a, self._frame_b = cv2.cvtColor(frame_a, cv2.COLOR_RGB2GRAY), frame_b
        self._before = _read(frame_a, _surroundings(samples))
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self.moves = np.zeros_like(samples)
        self._mismatch = self._mismatch_of(self.moves)
        self._cost = self._mismatch

    @property
    def trust(self) -> np.ndarray:
        """0 to 1 by how much the samples' surroundings look the same; 0 beside the paper."""
        alike = _SAME_LEVELS**2 / (_SAME_LEVELS**2 + self._mismatch**2)
        there = self._samples + self.moves
        return np.asarray(alike * ((there > 0) & (there < CANVAS)).all(-1))

    def difference(self, matrix: np.ndarray) -> float:
        """How much the frames differ around all samples if they go that way, (2, 3)."""
        return float(self._mismatch_of(put(self._samples, matrix) - self._samples).mean())

    def try_motion(self, matrix: np.ndarray, *, bonus: float = 0.0) -> None:
        """Try a motion of all, (2, 3), and what flow adds to it on both sides of the strokes."""
        size = (CANVAS, CANVAS)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        undone = cv2.warpAffine(
            self._frame_b, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        flow = self._search.calc(self._grey_a, cv2.cvtColor(undone, cv2.COLOR_RGB2GRAY), None)
        sides = [_read(flow, self._samples + aside * self._normals) for aside in _ASIDE_PX]
        ways = [self._samples + side for side in sides]
        of_stroke = np.median(np.concatenate(sides, 1), axis=1, keepdims=True)
        ways.append(self._samples + of_stroke)
        for way in ways:
            self._offer(put(way, matrix) - self._samples, 0.0)
        self._offer(put(self._samples, matrix) - self._samples, bonus)

    def _offer(self, moves: np.ndarray, bonus: float) -> None:
        mismatch = self._mismatch_of(moves)
        cost = mismatch - bonus + _LEVELS_A_PX * np.linalg.norm(moves, axis=-1)
        better = cost < self._cost
        self.moves = np.where(better[..., None], moves, self.moves)
        self._mismatch = np.where(better, mismatch, self._mismatch)
        self._cost = np.where(better, cost, self._cost)

    def _mismatch_of(self, moves: np.ndarray) -> np.ndarray:
        """Mean difference of the surroundings in the worst colour, (strokes, samples)."""
        after = _read(self._frame_b, _surroundings(self._samples + moves))
        return np.asarray(np.abs(self._before - after).mean(2).max(-1))


def put(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 2) after an affine motion (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _surroundings(samples: np.ndarray) -> np.ndarray:
    return samples[:, :, None] + np.array(_PATCH, np.float64)


def _shift(samples: np.ndarray, frame_a: np.ndarray, frame_b: np.ndarray) -> np.ndarray:
    """How far the surroundings of all strokes went, (2,) canvas pixels, by trying all ways."""
    near = np.zeros((CANVAS, CANVAS), np.uint8)
    for line in samples.astype(np.int32):
        cv2.polylines(near, [line[:, None]], False, 255, thickness=9)
    half = (CANVAS // 2, CANVAS // 2)
    small_a, small_b, mask = (
        cv2.resize(image, half, interpolation=cv2.INTER_AREA) for image in (frame_a, frame_b, near)
    )
    left, top, width, height = cv2.boundingRect((mask > 127).astype(np.uint8))
    if width < 4 or height < 4:
        return np.zeros(2)
    box = (slice(top, top + height), slice(left, left + width))
    # The thing may leave the canvas by up to half of itself.
    aside, above = width // 2, height // 2
    field = cv2.copyMakeBorder(small_b, above, above, aside, aside, cv2.BORDER_REPLICATE)
    template, weight = small_a[box].astype(np.float32), (mask[box] > 127)[..., None].repeat(3, 2)
    differs = cv2.matchTemplate(
        field.astype(np.float32), template, cv2.TM_SQDIFF, None, weight.astype(np.float32)
    )
    rows, columns = np.indices(differs.shape)
    shifts = 2.0 * np.stack([columns - aside - left, rows - above - top], axis=-1)
    # The mean difference, in levels; where nothing differs rounding may leave less than nothing.
    levels = np.sqrt(np.maximum(differs, 0) / max(float(weight.sum()), 1.0))
    cost = levels + _LEVELS_A_PX * np.linalg.norm(shifts, axis=-1)
    return np.asarray(shifts.reshape(-1, 2)[int(cost.argmin())])


def _read(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values at canvas points (..., 2), between pixels; beyond the rim those of the rim."""
    places = points.reshape(len(points), -1, 2).astype(np.float32) - 0.5
    read = cv2.remap(
        image.astype(np.float32),
        places[..., 0],
        places[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(read, np.float64).reshape(*points.shape[:-1], *image.shape[2:])


@dataclass(frozen=True)
class Similarity:
    """A shift, turn and scale (2, 3), and the share of the trusted points that follow it."""

    matrix: np.ndarray
    share: float


def similarity(begin: np.ndarray, end: np.ndarray, trust: np.ndarray) -> Similarity | None:
    """Shift, turn and scale (2, 3) that most trusted points agree on; None where they do not."""
    kept = trust > 0.5
    if kept.sum() < 4:
        return None
    cv2.setRNGSeed(0)  # it chooses samples at random
    matrix, inliers = cv2.estimateAffinePartial2D(
        begin[kept], end[kept], method=cv2.RANSAC, ransacReprojThreshold=OUTLIER_PX
    )
    if matrix is None or inliers.mean() < 0.4:
        return None
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return Similarity(matrix, float(inliers.mean())) if 0.5 < scale < 2 else None
