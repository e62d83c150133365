"""Which part of a picture is its subject: from what moves, from what the model sees, or from both.

What is found is refined by colour (GrabCut) and softened. A weak or contradictory finding fades to
"everything" instead of cutting wrongly.
"""

import cv2
import numpy as np

from models.errors import KinodexError
from sketch.strokes import CANVAS, Placed

METHODS = ("auto", "none", "rembg")

_WORK_SIDE = 112  # GrabCut takes 10 ms at this size
_ROUNDS = 4
_SURE, _PROBABLE, _UNLIKELY = 0.75, 0.35, 0.08
# A subject smaller or larger than these shares of the picture is no finding.
_LEAST_SHARE, _MOST_SHARE = 0.004, 0.85
_SOFTNESS_PX = 1.5
# Differences of compressed frames below this many grey levels are noise.
_NOISE = 9.0
_CLEARLY_MOVED = 34.0
# Tiles along each side of the picture, and the least share of them in which a background is like
# itself.
_TILES, _LIKE_SHARE = 10, 0.5
# The share of a motion that is left without thin lines and specks: waves keep less than the first
# of these, and what keeps more than the second is surely a subject.
_SOLID_FROM, _SOLID_TO = 0.35, 0.6
# What a model sees of words alone fades the background, and does not cut it off.
_TRUST_IN_WORDS = 0.6


def subject_mask(
    picture: np.ndarray,
    placed: Placed,
    *,
    relevance: np.ndarray | None = None,
    motion: np.ndarray | None = None,
    method: str = "auto",
) -> np.ndarray:
    """How far each pixel belongs to the subject, float32 (224, 224), 0 to 1.

    picture: float32 RGB on the canvas, 0 to 1
    relevance, motion: evidence on the canvas, 0 to 1
    method: "auto" uses the evidence, "rembg" a second network, "none" takes everything

    Raises KinodexError for another method, or when rembg is not installed.
    """
    if method not in METHODS:
        raise KinodexError(f"there is no mask {method!r}: choose from {', '.join(METHODS)}")
    if method == "none":
        return np.ones((CANVAS, CANVAS), np.float32)
    if method == "rembg":
        return _by_rembg(picture)
    found = _evidence(picture, placed, relevance, motion)
    if found is None:
        return np.ones((CANVAS, CANVAS), np.float32)
    evidence, trust = found
    return (1 - trust * (1 - _refined(picture, evidence))).astype(np.float32)


def motion_map(frames: np.ndarray, at: int) -> np.ndarray:
    """What moves in frame `at` of a few, uint8 (count, height, width, 3) → float32 (height, width).

    A panning camera is followed. What moves is what differs from a frame before as well as from
    one after it: what is about to be covered, or has just come to light, differs from one of them.
    """
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
    """The frame shifted so that its background lies as in the one wanted; 1 where it is seen."""
    shifted = [_shifted(frame, grey, shift) for shift in _possible_shifts(grey, wanted)]
    unlike = [_unlike(moved_grey, wanted, seen) for _, moved_grey, seen in shifted]
    moved, _, seen = shifted[int(np.argmin(unlike))]
    return moved, seen


def _unlike(moved: np.ndarray, wanted: np.ndarray, seen: np.ndarray) -> float:
    """How much two pictures differ, but for the tiles that differ most: there is the subject."""
    apart = np.minimum(np.abs(moved - wanted), _CLEARLY_MOVED) * seen
    tiles, known = (
        cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
        for values in (apart, seen)
    )
    means = np.sort((tiles / np.maximum(known, 1e-6))[known > 0.5])
    return float(means[: max(1, round(_LIKE_SHARE * len(means)))].mean())


def _possible_shifts(grey: np.ndarray, wanted: np.ndarray) -> list[tuple[float, float]]:
    """None, and what the frames as a whole and their middles say; the one that fits is right."""
    here, there = grey.astype(np.float32), wanted.astype(np.float32)
    height, width = grey.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    shifts = [(0.0, 0.0)]
    for weights in (None, window):
        x, y = cv2.phaseCorrelate(here, there, weights)[0]
        # The method's own idea of no shift depends on the sides and on the version of OpenCV.
        zero_x, zero_y = cv2.phaseCorrelate(there, there, weights)[0]
        if abs(x - zero_x) <= width / 4 and abs(y - zero_y) <= height / 4:
            shifts.append((x - zero_x, y - zero_y))
    return shifts


def _shifted(
    frame: np.ndarray, grey: np.ndarray, shift: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame and grey levels moved right and down by `shift` pixels; 1 where they are known."""
    height, width = grey.shape
    if shift == (0.0, 0.0):
        return frame, grey.astype(np.float32), np.ones((height, width), np.float32)
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    moved, moved_grey = (
        cv2.warpAffine(one, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        for one in (frame, grey.astype(np.float32))
    )
    seen = cv2.warpAffine(np.ones((height, width), np.float32), move, (width, height))
    return moved, moved_grey, seen


def _evidence(
    picture: np.ndarray, placed: Placed, relevance: np.ndarray | None, motion: np.ndarray | None
) -> tuple[np.ndarray, float] | None:
    """Where the subject is, roughly, 0 to 1, and how far that is to be trusted; None for nothing.

    What moves tells most. Before a plain background the subject is all the rest. What the model
    sees of words comes last, and counts the less as words for actions say little of things.
    """
    if motion is not None and _is_a_subject(motion > 0.5):
        solid = _solid_share(motion > 0.5)
        if solid > _SOLID_FROM:
            ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
            moving = np.asarray(_filled(cv2.morphologyEx(motion, cv2.MORPH_CLOSE, ellipse)))
            return moving, min(1.0, (solid - _SOLID_FROM) / (_SOLID_TO - _SOLID_FROM))
    plain = _beside_a_plain_background(picture, placed)
    if plain is not None:
        return plain, 1.0
    if relevance is not None and _is_a_subject(relevance > 0.6):
        return cv2.GaussianBlur(relevance, (0, 0), 6.0), _TRUST_IN_WORDS
    return None


def _solid_share(found: np.ndarray) -> float:
    """How much of it is left, once thin lines and specks are taken away."""
    closed = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    solid = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    return float(solid.sum() / max(1, closed.sum()))


def _is_a_subject(found: np.ndarray) -> bool:
    return _LEAST_SHARE < float(found.mean()) < _MOST_SHARE


def _filled(moving: np.ndarray) -> np.ndarray:
    """Holes within what moves are part of it: a plain thing changes at its rim only."""
    outlines, _ = cv2.findContours(
        (moving > 0.4).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    large = [line for line in outlines if cv2.contourArea(line) > 0.001 * moving.size]
    filled = np.zeros(moving.shape, np.float32)
    cv2.drawContours(filled, large, -1, 0.85, thickness=-1)
    return np.maximum(moving, filled)


def _beside_a_plain_background(picture: np.ndarray, placed: Placed) -> np.ndarray | None:
    """What differs from the colour of the picture's border, where that is one colour."""
    left, top = round(placed.left), round(placed.top)
    inner = picture[top : top + round(placed.height), left : left + round(placed.width)]
    if min(inner.shape[:2]) < 8:
        return None
    border = np.concatenate([inner[:2], inner[-2:]]).reshape(-1, 3)
    border = np.concatenate([border, inner[:, :2].reshape(-1, 3), inner[:, -2:].reshape(-1, 3)])
    colour = np.median(border, axis=0)
    if float((np.abs(border - colour).max(axis=1) > 0.06).mean()) > 0.12:
        return None
    differs = np.clip((np.abs(picture - colour).max(axis=2) - 0.03) / 0.06, 0, 1)
    padding = np.zeros((CANVAS, CANVAS), np.float32)
    padding[top : top + inner.shape[0], left : left + inner.shape[1]] = 1
    found = (differs * padding).astype(np.float32)
    return np.asarray(_filled(found)) if _is_a_subject(found > 0.5) else None


def _refined(picture: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The evidence carried to the borders of colours, and softened."""
    side = (_WORK_SIDE, _WORK_SIDE)
    small = cv2.resize(np.round(picture * 255).astype(np.uint8), side, interpolation=cv2.INTER_AREA)
    told = cv2.resize(evidence, side, interpolation=cv2.INTER_AREA)
    labels = np.full(told.shape, cv2.GC_BGD, np.uint8)
    labels[told > _UNLIKELY] = cv2.GC_PR_BGD
    labels[told > _PROBABLE] = cv2.GC_PR_FGD
    labels[told > _SURE] = cv2.GC_FGD
    near = cv2.dilate((told > _PROBABLE).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    labels[near & (labels == cv2.GC_BGD)] = cv2.GC_PR_BGD
    # What counts as sure must be able to err: its rim is decided by colour.
    core = cv2.erode((told > _SURE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels[(labels == cv2.GC_FGD) & ~core] = cv2.GC_PR_FGD
    foreground = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if not foreground.any() or foreground.all():
        return np.ones((CANVAS, CANVAS), np.float32)
    cut = _grab(small, labels)
    if cut is None or not _agrees(cut, foreground):
        cut = foreground
    wide = cv2.resize(cut.astype(np.float32), (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    return np.clip(cv2.GaussianBlur(wide, (0, 0), _SOFTNESS_PX), 0, 1).astype(np.float32)


def _grab(small: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    cv2.setRNGSeed(0)  # its first colour models are drawn at random
    work = labels.copy()
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(small, work, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one of the two
        return None
    return (work == cv2.GC_FGD) | (work == cv2.GC_PR_FGD)


def _agrees(cut: np.ndarray, foreground: np.ndarray) -> bool:
    """Whether colour has moved the border, and not found something else."""
    common = float((cut & foreground).sum())
    return common > 0.5 * float((cut | foreground).sum())


def _by_rembg(picture: np.ndarray) -> np.ndarray:
    try:
        import rembg
    except ImportError as error:
        raise KinodexError(
            "rembg is not installed: run \"pip install 'rembg[cpu]'\", or use --mask auto"
        ) from error
    pixels = np.round(picture * 255).astype(np.uint8)
    found = np.asarray(rembg.remove(pixels, only_mask=True), np.float32) / 255
    return np.clip(found, 0, 1).astype(np.float32)
