"""From a picture to what is drawn of it: the subject, cut out and enlarged to fill the canvas."""

from collections.abc import Sequence

import numpy as np

from sketch.canvas import Target, laid_on_canvas, on_canvas, placed_whole
from sketch.strokes import CANVAS, Placed
from sketch.subject.contrast import contrast_map
from sketch.subject.finding import Clues, Finding, find_subject, main_parts
from sketch.subject.masking import check_method, mask_by_rembg, mask_of

# The box around the subject is widened by this share of its longer side.
_AROUND = 0.1
# An enlargement by less is not worth the picture's own framing; by more there is nothing to see.
_LEAST_ZOOM, _MOST_ZOOM = 1.15, 6.0


def framed(
    picture: np.ndarray,
    *,
    motion: np.ndarray | None = None,
    relevance: np.ndarray | None = None,
    method: str = "auto",
) -> Target:
    """What is drawn of a picture, uint8 RGB (height, width, 3).

    motion: what moves in it; relevance: where the model sees what there is. Both 0 to 1, over the
        whole picture, of any size
    method: "auto" looks for the subject, "rembg" asks a second network, "none" takes everything

    Raises KinodexError for another method, or when rembg is not installed.
    """
    check_method(method)
    whole, placed = on_canvas(picture)
    if method == "none":
        return Target.unmasked(whole, placed)
    if method == "rembg":
        mask = mask_by_rembg(whole)
        target, closer = Target(whole, mask, placed), closer_to(subject_box(mask), placed)
        if closer == placed:
            return target
        canvas, _ = on_canvas(picture, closer)
        return Target(canvas, mask_by_rembg(canvas), closer, target)
    clues = Clues(motion, contrast_map(picture), relevance)
    found = find_subject(whole, placed, clues)
    mask = mask_of(whole, found)
    if found is None:
        return Target(whole, mask, placed)
    closer = closer_to(_box_of(found, mask), placed)
    target = Target(whole, mask, placed)
    if closer == placed:
        return target
    canvas, _ = on_canvas(picture, closer)
    return Target(canvas, _seen_nearer(canvas, closer, clues, found, target), closer, target)


def subject_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what belongs to the subject by a mask; None for nothing."""
    rows, columns = np.nonzero(main_parts(mask > 0.5, mask))
    if len(rows) == 0:
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def closer_to(box: tuple[int, int, int, int] | None, placed: Placed) -> Placed:
    """Where a picture must lie so that a box of the canvas fills it, with a little around."""
    if box is None:
        return placed
    left, top, right, bottom = box
    side = max(right - left, bottom - top) * (1 + 2 * _AROUND)
    zoom = min(CANVAS / side, _MOST_ZOOM)
    if zoom < _LEAST_ZOOM:
        return placed
    side = CANVAS / zoom
    begins = (
        _inside((left + right - side) / 2, side, placed.left, placed.width),
        _inside((top + bottom - side) / 2, side, placed.top, placed.height),
    )
    return Placed(
        (placed.left - begins[0]) * zoom,
        (placed.top - begins[1]) * zoom,
        placed.width * zoom,
        placed.height * zoom,
    )


def _inside(begin: float, side: float, first: float, length: float) -> float:
    """A window moved so that it shows as little as can be beyond the picture."""
    if length <= side:
        return first + (length - side) / 2
    return min(max(begin, first), first + length - side)


def placed_alike(targets: Sequence[Target], pictures: Sequence[np.ndarray]) -> list[Target]:
    """Targets of one scene, placed so that one window shows the subjects of all.

    targets: each as `framed` makes it; pictures: of which they were made, all of one size

    Where a subject was not found in some of the pictures, the others say where to look. What a
    mask has lost for one picture is taken from those before and after it.
    """
    height, width = pictures[0].shape[:2]
    whole = placed_whole(height, width)
    common = _showing_all([target.placed for target in targets], whole)
    masks = np.stack([moved_on_canvas(one.mask, one.placed, common) for one in targets])
    wholes = [None if common == whole else one.whole or one for one in targets]
    return [
        Target(on_canvas(picture, common)[0], mask, common, one)
        for picture, mask, one in zip(pictures, _smoothed(masks), wholes, strict=True)
    ]


def _showing_all(places: Sequence[Placed], whole: Placed) -> Placed:
    nearer = [one for one in places if one.width > whole.width]
    if not nearer:
        return whole
    # Windows in shares of the picture's width, as wide as they are high.
    windows = np.array([(-one.left, -one.top, CANVAS) for one in nearer])
    windows /= np.array([[one.width] for one in nearer])
    begins, ends = windows[:, :2].min(axis=0), (windows[:, :2] + windows[:, 2:]).max(axis=0)
    side = float((ends - begins).max())
    if CANVAS / side <= whole.width:
        return whole
    left, top = (begins + ends - side) / 2
    zoomed = CANVAS / side
    return Placed(-left * zoomed, -top * zoomed, zoomed, whole.height * zoomed / whole.width)


def _smoothed(masks: np.ndarray) -> np.ndarray:
    """Each mask (count, height, width), and at least the mean of those before and after it."""
    around = np.concatenate([masks[:1], masks, masks[-1:]])
    return np.maximum(masks, (around[:-2] + around[2:]) / 2).astype(np.float32)


def _box_of(found: Finding, mask: np.ndarray) -> tuple[int, int, int, int] | None:
    # What stands out may be a part of the subject only: its whole surroundings are shown.
    return subject_box(mask if found.trust == 1 else (found.evidence > 0.1).astype(np.float32))


def _seen_nearer(
    canvas: np.ndarray, closer: Placed, clues: Clues, found: Finding, target: Target
) -> np.ndarray:
    """The mask of the enlarged part, by the evidence that found it in the whole."""
    again = find_subject(canvas, closer, clues, only=found.told_by)
    if again is None:
        return moved_on_canvas(target.mask, target.placed, closer)
    return mask_of(canvas, again)


def moved_on_canvas(values: np.ndarray, placed: Placed, to: Placed) -> np.ndarray:
    """A map of the canvas (224, 224), 0 to 1, moved to where the picture lies now.

    0 where the canvas did not reach before.
    """
    zoom = to.width / placed.width
    side = zoom * CANVAS
    canvas = Placed(to.left - zoom * placed.left, to.top - zoom * placed.top, side, side)
    return laid_on_canvas(values, canvas)
