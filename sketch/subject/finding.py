"""Where the subject of a picture is, roughly: by what moves, by a plain background, by contrast.

What is found is a place on the canvas, wherever the picture lies on it: of a whole picture, and
again, finer, of the part of it that is drawn.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sketch.canvas import laid_on_canvas, visible_box
from sketch.strokes import CANVAS, Placed

# A subject smaller or larger than these shares of the picture is no finding.
_LEAST_SHARE, _MOST_SHARE = 0.004, 0.85
# The share of a motion that is left without thin lines and specks: waves keep less than the first
# of these, and what keeps more than the second is surely a subject.
_SOLID_FROM, _SOLID_TO = 0.35, 0.6
# A thing moves visibly where it has texture, and holes up to this size belong to it. Where less
# than such a share of its surroundings moves, it is seen in pieces: then what lies within the first
# distance between two of them may belong to it, and what is near to that hardly.
_HOLES_PX, _WHOLE_FROM = 9, 0.8
_WITHIN_PX, _PERHAPS = 25, 0.5
_NEAR_PX, _HARDLY = 61, 0.1
# Parts that have less than this share of the largest part's mass are something else.
_SPECK = 0.3
# What a model sees of words alone fades the background, and does not cut it off; what stands out by
# its colours may be a part of the subject only.
_TRUST_IN_WORDS, _TRUST_IN_CONTRAST = 0.6, 0.75
# By how much what the model sees may raise what stands out, which by itself has this weight.
_CONTRAST_ALONE = 0.5
# Shares of Otsu's threshold: what lies below is not counted, what lies above is likely the subject.
_NOT_COUNTED, _LIKELY = 0.3, 0.5
# The box around what stands out leaves out this share of it on each side, and is then widened.
_TAIL, _WIDER = 0.01, 0.05

MOTION, PLAIN, CONTRAST, WORDS = "motion", "plain background", "contrast", "words"


@dataclass(frozen=True)
class Clues:
    """What is known of a picture, each on the picture's own grid (height, width), 0 to 1.

    motion: what moves in it
    contrast: what stands out by its colours
    relevance: where the model sees what words say, or what it thinks is there; of any size
    """

    motion: np.ndarray | None = None
    contrast: np.ndarray | None = None
    relevance: np.ndarray | None = None


@dataclass(frozen=True)
class Finding:
    """Where the subject is on the canvas.

    evidence: float32 (224, 224), 0 to 1
    trust: how far what is not the subject may be left out, 0 to 1
    told_by: what tells of it: the same is asked again where a part of the picture is drawn
    """

    evidence: np.ndarray
    trust: float
    told_by: str


def find_subject(
    picture: np.ndarray, placed: Placed, clues: Clues, *, only: str | None = None
) -> Finding | None:
    """The subject of a picture, float32 RGB on the canvas; None where nothing tells.

    What moves tells most. Before a plain background the subject is all the rest. Then comes what
    stands out by its colours where the model looks. What it sees of words comes last, for words
    for actions say little of things.
    only: ask nothing but this
    """
    ways = {
        MOTION: lambda: _what_moves(clues, placed),
        PLAIN: lambda: _beside_a_plain_background(picture, placed),
        CONTRAST: lambda: _what_stands_out(clues, placed),
        WORDS: lambda: _what_words_say(clues, placed),
    }
    for name, way in ways.items():
        found = way() if only in (None, name) else None
        if found is not None:
            return Finding(*found, name)
    return None


def _what_moves(clues: Clues, placed: Placed) -> tuple[np.ndarray, float] | None:
    if clues.motion is None:
        return None
    motion = laid_on_canvas(clues.motion, placed)
    if not _is_a_subject(motion > 0.5):
        return None
    solid = _solid_share(motion > 0.5)
    if solid <= _SOLID_FROM:
        return None
    around = _closed(motion, _WITHIN_PX) > 0.4
    kept = main_parts(around, motion)
    surely = _filled(_closed(np.where(kept, motion, 0), _HOLES_PX))
    trust = min(1.0, (solid - _SOLID_FROM) / (_SOLID_TO - _SOLID_FROM))
    perhaps = (around & kept).astype(np.float32)
    if (surely > 0.5).sum() > _WHOLE_FROM * perhaps.sum():
        return surely, trust
    near = cv2.dilate(perhaps, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NEAR_PX, _NEAR_PX)))
    return np.maximum.reduce([surely, _PERHAPS * perhaps, _HARDLY * near]).astype(np.float32), trust


def _closed(values: np.ndarray, size: int) -> np.ndarray:
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(cv2.morphologyEx(values, cv2.MORPH_CLOSE, ellipse))


def main_parts(found: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """The connected parts of what is found that are no specks beside the one with most mass.

    found, mass: (height, width), any numbers above 0; → bool
    """
    count, parts = cv2.connectedComponents(found.astype(np.uint8))
    masses = np.array([0.0] + [mass[parts == number].sum() for number in range(1, count)])
    return np.isin(parts, np.nonzero(masses > _SPECK * masses.max())[0])


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


def _beside_a_plain_background(
    picture: np.ndarray, placed: Placed
) -> tuple[np.ndarray, float] | None:
    """What differs from the colour of the picture's border, where that is one colour."""
    left, top, right, bottom = visible_box(placed)
    inner = picture[top:bottom, left:right]
    if min(inner.shape[:2]) < 8:
        return None
    border = np.concatenate([inner[:2], inner[-2:]]).reshape(-1, 3)
    border = np.concatenate([border, inner[:, :2].reshape(-1, 3), inner[:, -2:].reshape(-1, 3)])
    colour = np.median(border, axis=0)
    if float((np.abs(border - colour).max(axis=1) > 0.06).mean()) > 0.12:
        return None
    differs = np.clip((np.abs(picture - colour).max(axis=2) - 0.03) / 0.06, 0, 1)
    found = np.zeros((CANVAS, CANVAS), np.float32)
    found[top:bottom, left:right] = differs[top:bottom, left:right]
    return (_filled(found), 1.0) if _is_a_subject(found > 0.5) else None


def _what_stands_out(clues: Clues, placed: Placed) -> tuple[np.ndarray, float] | None:
    if clues.contrast is None:
        return None
    standing_out = laid_on_canvas(clues.contrast, placed)
    if clues.relevance is not None:
        standing_out *= _CONTRAST_ALONE + laid_on_canvas(clues.relevance, placed)
    threshold = _otsu(standing_out[standing_out > 0])
    counted = np.maximum(0, standing_out - _NOT_COUNTED * threshold)
    if not counted.any():
        return None
    left, right = _between_the_tails(counted.sum(axis=0))
    top, bottom = _between_the_tails(counted.sum(axis=1))
    found = np.zeros((CANVAS, CANVAS), np.float32)
    box = (slice(top, bottom), slice(left, right))
    found[box] = np.where(standing_out[box] > _LIKELY * threshold, 0.5, 0.2)
    whole = visible_box(placed)
    area = (right - left) * (bottom - top) / ((whole[2] - whole[0]) * (whole[3] - whole[1]))
    return (found, _TRUST_IN_CONTRAST) if area < _MOST_SHARE else None


def _otsu(values: np.ndarray) -> float:
    top = float(values.max(initial=0))
    levels = np.round(values / max(top, 1e-6) * 255).astype(np.uint8)
    if len(levels) == 0:
        return 0.0
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return float(threshold) / 255 * top


def _between_the_tails(mass: np.ndarray) -> tuple[int, int]:
    """First and one behind the last place, where each tail holds little of the mass."""
    share = mass.cumsum() / mass.sum()
    first = int(np.searchsorted(share, _TAIL))
    last = int(np.searchsorted(share, 1 - _TAIL)) + 1
    wider = round(_WIDER * (last - first))
    return max(0, first - wider), min(len(mass), last + wider)


def _what_words_say(clues: Clues, placed: Placed) -> tuple[np.ndarray, float] | None:
    if clues.relevance is None:
        return None
    relevance = laid_on_canvas(clues.relevance, placed)
    if not _is_a_subject(relevance > 0.6):
        return None
    return cv2.GaussianBlur(relevance, (0, 0), 6.0), _TRUST_IN_WORDS
