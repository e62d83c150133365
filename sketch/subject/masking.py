"""How far each pixel belongs to the subject: what was found, carried to borders of colours."""

import cv2
import numpy as np

from models.errors import KinodexError
from sketch.strokes import CANVAS
from sketch.subject.finding import Finding

METHODS = ("auto", "none", "rembg")

_WORK_SIDE = 112  # GrabCut takes 10 ms at this size
_ROUNDS = 4
_SURE, _PROBABLE, _UNLIKELY = 0.75, 0.35, 0.08
_SOFTNESS_PX = 1.5


def check_method(method: str) -> None:
    """Raises KinodexError for a way of masking that there is not."""
    if method not in METHODS:
        raise KinodexError(f"there is no mask {method!r}: choose from {', '.join(METHODS)}")


def everything() -> np.ndarray:
    """The mask of a picture all of which is the subject."""
    return np.ones((CANVAS, CANVAS), np.float32)


def mask_of(picture: np.ndarray, finding: Finding | None) -> np.ndarray:
    """How far each pixel belongs to the subject, float32 (224, 224), 0 to 1.

    picture: float32 RGB on the canvas, 0 to 1; finding: of the same place of the canvas
    """
    if finding is None:
        return everything()
    refined = _refined(picture, finding.evidence)
    return (1 - finding.trust * (1 - refined)).astype(np.float32)


def mask_by_rembg(picture: np.ndarray) -> np.ndarray:
    """The mask that rembg's network gives. Raises KinodexError when it is not installed."""
    try:
        import rembg
    except ImportError as error:
        raise KinodexError(
            "rembg is not installed: run \"pip install 'rembg[cpu]'\", or use --mask auto"
        ) from error
    pixels = np.round(picture * 255).astype(np.uint8)
    found = np.asarray(rembg.remove(pixels, only_mask=True), np.float32) / 255
    return np.clip(found, 0, 1).astype(np.float32)


def _refined(picture: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """The evidence carried to the borders of colours (GrabCut), and softened."""
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
        return everything()
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
