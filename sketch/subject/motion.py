"""What moves in one of a few frames, while the camera may turn, tilt or come closer."""

from collections.abc import Iterator

import cv2
import numpy as np

# Differences of compressed frames below this many grey levels are noise.
_NOISE = 9.0
_CLEARLY_MOVED = 34.0
# Tiles along each side of the picture, and how many of them are its rim.
_TILES, _RIM_TILES = 10, 2
# Corners that are followed from frame to frame to tell how the camera moved.
_CORNERS, _CORNER_QUALITY, _APART_PX = 400, 0.01, 5
_FEWEST_CORNERS, _STRAY_PX = 12, 1.5
_FARTHEST_SCALE = 1.6

# Noise and clear motion are told in grey levels of frames of this size.
_SHORT_SIDE = 224

_STILL = np.eye(2, 3, dtype=np.float32)


def motion_map(frames: np.ndarray, at: int) -> np.ndarray:
    """What moves in frame `at` of a few, uint8 (count, height, width, 3) → float32 (height, width).

    The map is smaller than the frames where they are large.

    The camera's own motion is taken out. What moves is what differs from a frame before as well as
    from one after it: what is about to be covered, or has just come to light, differs from one of
    them.
    """
    frames = small_frames(frames)
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    here = _smooth(frames[at])
    differences = {}
    for number, frame in enumerate(frames):
        if number != at:
            moved, seen = _aligned(frame, greys[number], greys[at])
            differences[number] = np.abs(_smooth(moved) - here).max(axis=2) * seen
    if not differences:
        return np.zeros(frames.shape[1:3], np.float32)
    both = [
        np.minimum(differences[before], differences[after])
        for before, after in _pairs(at, len(frames))
    ]
    # At the beginning or the end of a shot all others lie on one side.
    strength = np.max(both, axis=0) if both else np.median(list(differences.values()), axis=0)
    return np.clip((strength - _NOISE) / (_CLEARLY_MOVED - _NOISE), 0, 1).astype(np.float32)


def small_frames(frames: np.ndarray) -> np.ndarray:
    """The frames at the size at which motion is looked for.

    uint8 RGB (count, height, width, 3), of any size → 224 pixels short at most
    """
    height, width = frames.shape[1:3]
    scale = _SHORT_SIDE / min(height, width)
    if scale >= 1:
        return frames
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in frames])


def _pairs(at: int, count: int) -> list[tuple[int, int]]:
    """Frames about as far before as after."""
    sides = min(at, count - 1 - at)
    pairs = [(at - i, at + i) for i in range(1, sides + 1)]
    if 0 < at < count - 1:
        pairs.append((0, count - 1))
    return pairs


def _smooth(frame: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(frame, (0, 0), 1.2).astype(np.float32)


def _aligned(
    frame: np.ndarray, grey: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The frame moved so that its background lies as in the one wanted; 1 where it is seen."""
    moved = [_moved(frame, grey, motion) for motion in _possible_motions(grey, wanted)]
    unlike = [_unlike(moved_grey, wanted, seen) for _, moved_grey, seen in moved]
    best, _, seen = moved[int(np.argmin(unlike))]
    return best, seen


def _unlike(moved: np.ndarray, wanted: np.ndarray, seen: np.ndarray) -> float:
    """How much two pictures differ along their rim: the background reaches it on most sides.

    Were all of the picture compared, the motion of a large subject before a plain background would
    fit best, and the background would seem to move.
    """
    apart = np.minimum(np.abs(moved - wanted), _CLEARLY_MOVED) * seen
    tiles, known = (
        cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
        for values in (apart, seen)
    )
    compared = known > 0.5
    compared[_RIM_TILES:-_RIM_TILES, _RIM_TILES:-_RIM_TILES] = False
    if not compared.any():
        return float("inf")
    return float((tiles[compared] / known[compared]).mean())


def _possible_motions(grey: np.ndarray, wanted: np.ndarray) -> Iterator[np.ndarray]:
    """None, what the frames as a whole and their middles say, and what corners say, (2, 3) each.

    The one that fits is right.
    """
    yield _STILL
    here, there = grey.astype(np.float32), wanted.astype(np.float32)
    height, width = grey.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    for weights in (None, window):
        x, y = cv2.phaseCorrelate(here, there, weights)[0]
        # The method's own idea of no shift depends on the sides and on the version of OpenCV.
        zero_x, zero_y = cv2.phaseCorrelate(there, there, weights)[0]
        if abs(x - zero_x) <= width / 4 and abs(y - zero_y) <= height / 4:
            yield np.array([[1, 0, x - zero_x], [0, 1, y - zero_y]], np.float32)
    followed = _by_corners(grey, wanted)
    if followed is not None:
        yield followed


def _by_corners(grey: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """The shift, turn and zoom that most corners follow, (2, 3); None where they do not agree."""
    corners = cv2.goodFeaturesToTrack(grey, _CORNERS, _CORNER_QUALITY, _APART_PX)
    if corners is None or len(corners) < _FEWEST_CORNERS:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(grey, wanted, corners, None)
    kept = found[:, 0] == 1
    if kept.sum() < _FEWEST_CORNERS:
        return None
    cv2.setRNGSeed(0)  # it chooses samples at random
    motion, _ = cv2.estimateAffinePartial2D(
        corners[kept], there[kept], method=cv2.RANSAC, ransacReprojThreshold=_STRAY_PX
    )
    if motion is None:
        return None
    scale = float(np.hypot(motion[0, 0], motion[1, 0]))
    return motion if 1 / _FARTHEST_SCALE < scale < _FARTHEST_SCALE else None


def _moved(
    frame: np.ndarray, grey: np.ndarray, motion: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame and grey levels after a motion; 1 where they are known."""
    height, width = grey.shape
    if motion is _STILL:
        return frame, grey.astype(np.float32), np.ones((height, width), np.float32)
    moved, moved_grey = (
        cv2.warpAffine(one, motion, (width, height), borderMode=cv2.BORDER_REPLICATE)
        for one in (frame, grey.astype(np.float32))
    )
    seen = cv2.warpAffine(np.ones((height, width), np.float32), motion, (width, height))
    return moved, moved_grey, seen
