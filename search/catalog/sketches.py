"""Sketches of segments as they are stored: what has one, what still wants one, reading, writing.

Strokes are plain arrays here; what they mean is known where they are drawn.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from search.catalog.places import is_present
from search.catalog.tables import Segment, SegmentSketch, now

_TO_BE_REDRAWN = "to be redrawn"  # stands in place of a recipe's key: no recipe has it


@dataclass(frozen=True)
class SketchRecipe:
    """All that decides what a sketch of a given keyframe looks like.

    strokes: a number, or "auto"
    frames_digest: of the visual tower that drew it
    version: of the method; sketches of an older one are drawn again
    """

    preset: str
    strokes: int | str
    mask: str
    scene: bool
    progressive: bool
    seed: int
    model: str
    frames_digest: str
    version: int

    @property
    def key(self) -> str:
        """A digest: equal keys mean that drawing again would give the same sketch."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class StoredAnimation:
    """The strokes of a sketch at several times, in seconds of the video.

    times_s: (frames,); points: (frames, strokes, 4, 2); the others: (frames, strokes)
    """

    times_s: np.ndarray
    points: np.ndarray
    half_widths: np.ndarray
    opacities: np.ndarray


@dataclass(frozen=True)
class StoredSketch:
    """A segment's sketch.

    points: (strokes, 4, 2), in drawing order; half_widths, opacities, gains: (strokes,)
    loss: total, semantic, geometric
    placed: left, top, width, height of the picture on the canvas
    frame_s: when in the video that picture is seen; None for the keyframe
    """

    points: np.ndarray
    half_widths: np.ndarray
    opacities: np.ndarray
    gains: np.ndarray
    groups: tuple[str, ...]
    loss: tuple[float, float, float]
    placed: tuple[float, float, float, float]
    frame_s: float | None = None
    animation: StoredAnimation | None = None
    drawn_at: datetime | None = None  # None until it is stored


@dataclass(frozen=True)
class SketchCount:
    """Present segments: all, and those with a sketch that was made otherwise than by a recipe.

    Sketches that somebody wants to be drawn again are not among the latter.
    """

    segments: int
    made_otherwise: int


def segments_without(session: Session, recipe: SketchRecipe | None) -> list[int]:
    """Ids of the present segments that have no sketch by this recipe, or none at all; rising."""
    sketched = SegmentSketch.segment_id == Segment.id
    if recipe is not None:
        sketched &= SegmentSketch.recipe_key == recipe.key
    query = (
        select(Segment.id)
        .outerjoin(SegmentSketch, sketched)
        .where(SegmentSketch.segment_id.is_(None), is_present())
    )
    return list(session.scalars(query.order_by(Segment.id)))


def segments_with(session: Session) -> list[int]:
    """Ids of the present segments that have a sketch, by video and time."""
    query = (
        select(Segment.id)
        .join(SegmentSketch, SegmentSketch.segment_id == Segment.id)
        .where(is_present())
    )
    return list(session.scalars(query.order_by(Segment.video_id, Segment.position)))


def count_sketches(session: Session, recipe: SketchRecipe) -> SketchCount:
    """How far a library is sketched."""
    other = select(SegmentSketch.segment_id).where(
        SegmentSketch.recipe_key.not_in((recipe.key, _TO_BE_REDRAWN))
    )
    return SketchCount(
        segments=_count(session, is_present()),
        made_otherwise=_count(session, is_present(), Segment.id.in_(other)),
    )


def store_sketches(
    session: Session, recipe: SketchRecipe, sketches: dict[int, StoredSketch]
) -> list[int]:
    """Let these be the sketches of their segments; → the segments that are still there.

    Sketches that they had before are replaced, animations with them.
    """
    present = session.scalars(select(Segment.id).where(Segment.id.in_(list(sketches)))).all()
    if not present:
        return []
    session.execute(delete(SegmentSketch).where(SegmentSketch.segment_id.in_(present)))
    how = {"recipe_key": recipe.key, "recipe": asdict(recipe), "drawn_at": now()}
    rows = [{"segment_id": one, **_columns(sketches[one]), **how} for one in sorted(present)]
    session.execute(insert(SegmentSketch), rows)
    return sorted(present)


def store_animation(session: Session, segment_id: int, animation: StoredAnimation) -> None:
    """Add an animation to a segment's sketch, if that is still there."""
    session.execute(
        update(SegmentSketch)
        .where(SegmentSketch.segment_id == segment_id)
        .values(drawn_at=now(), **_animation_columns(animation))
    )


def read_sketch(session: Session, segment_id: int) -> StoredSketch | None:
    """A segment's sketch, or None."""
    row = session.get(SegmentSketch, segment_id)
    return None if row is None else _sketch_of(row)


def read_recipe_key(session: Session, segment_id: int) -> str | None:
    """By which recipe a segment's sketch was made; None without a sketch."""
    return session.scalar(
        select(SegmentSketch.recipe_key).where(SegmentSketch.segment_id == segment_id)
    )


def read_drawn_at(session: Session, segment_id: int) -> datetime | None:
    """When a segment's sketch was last changed; None without a sketch."""
    return session.scalar(
        select(SegmentSketch.drawn_at).where(SegmentSketch.segment_id == segment_id)
    )


def mark_for_redrawing(session: Session, recipe: SketchRecipe) -> int:
    """Let the sketches of a recipe be drawn again; → how many. Until then each is shown."""
    marked = update(SegmentSketch).where(SegmentSketch.recipe_key == recipe.key)
    marked = marked.values(recipe_key=_TO_BE_REDRAWN)
    return len(session.execute(marked.returning(SegmentSketch.segment_id)).all())


def sketched_ids(session: Session) -> set[int]:
    """All segments that have a sketch, hidden ones too."""
    return set(session.scalars(select(SegmentSketch.segment_id)))


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(Segment.id)).where(*conditions)) or 0


def _columns(sketch: StoredSketch) -> dict[str, object]:
    total, semantic, geometric = sketch.loss
    left, top, width, height = sketch.placed
    # One statement for all rows, so each names the columns of an animation, even without one.
    no_animation = dict.fromkeys(
        ("frame_times_s", "frame_points", "frame_half_widths", "frame_opacities")
    )
    animation = sketch.animation
    return {
        "points": _packed(sketch.points),
        "half_widths": _packed(sketch.half_widths),
        "opacities": _packed(sketch.opacities),
        "gains": _packed(sketch.gains),
        "groups": list(sketch.groups),
        "loss_total": total,
        "loss_semantic": semantic,
        "loss_geometric": geometric,
        "frame_s": sketch.frame_s,
        "left": left,
        "top": top,
        "width": width,
        "height": height,
        **(_animation_columns(animation) if animation else no_animation),
    }


def _animation_columns(animation: StoredAnimation) -> dict[str, bytes]:
    return {
        "frame_times_s": animation.times_s.astype("<f8").tobytes(),
        "frame_points": _packed(animation.points),
        "frame_half_widths": _packed(animation.half_widths),
        "frame_opacities": _packed(animation.opacities),
    }


def _sketch_of(row: SegmentSketch) -> StoredSketch:
    return StoredSketch(
        points=_unpacked(row.points, 4, 2),
        half_widths=_unpacked(row.half_widths),
        opacities=_unpacked(row.opacities),
        gains=_unpacked(row.gains),
        groups=tuple(row.groups),
        loss=(row.loss_total, row.loss_semantic, row.loss_geometric),
        placed=(row.left, row.top, row.width, row.height),
        frame_s=row.frame_s,
        animation=_animation_of(row),
        drawn_at=row.drawn_at,
    )


def _animation_of(row: SegmentSketch) -> StoredAnimation | None:
    if row.frame_times_s is None:
        return None
    times_s = np.frombuffer(row.frame_times_s, "<f8")
    frames = len(times_s)
    return StoredAnimation(
        times_s=times_s,
        points=_unpacked(row.frame_points or b"", 4, 2).reshape(frames, -1, 4, 2),
        half_widths=_unpacked(row.frame_half_widths or b"").reshape(frames, -1),
        opacities=_unpacked(row.frame_opacities or b"").reshape(frames, -1),
    )


def _packed(values: np.ndarray) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def _unpacked(stored: bytes, *shape: int) -> np.ndarray:
    """Rows of this shape. A copy: bytes cannot be written to, of which torch complains."""
    return np.frombuffer(stored, "<f4").reshape(-1, *shape).copy()
