"""The table of sketches: the strokes themselves, from which every picture of them is made again."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from search.catalog import Base, now


class SegmentSketch(Base):
    """The sketch of a segment's keyframe, and its animation where one was drawn.

    Lengths are pixels of the canvas on which the sketch was drawn. Arrays are float32.
    """

    __tablename__ = "sketches"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    # A digest of `recipe`: how the sketch was made, model and all.
    recipe_key: Mapped[str] = mapped_column(String(32), index=True)
    recipe: Mapped[dict[str, Any]]
    points: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes, 4, 2), in drawing order
    half_widths: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    opacities: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    gains: Mapped[bytes] = mapped_column(LargeBinary)  # (strokes,)
    groups: Mapped[list[str]]  # what each stroke belongs to
    loss_total: Mapped[float]
    loss_semantic: Mapped[float]
    loss_geometric: Mapped[float]
    # Where the keyframe lies on the canvas; the rest is padding.
    left: Mapped[float]
    top: Mapped[float]
    width: Mapped[float]
    height: Mapped[float]
    # The same strokes at several times of the segment; all None without an animation.
    frame_times_s: Mapped[bytes | None] = mapped_column(LargeBinary)  # float64 (frames,)
    frame_points: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes, 4, 2)
    frame_half_widths: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes)
    frame_opacities: Mapped[bytes | None] = mapped_column(LargeBinary)  # (frames, strokes)
    drawn_at: Mapped[datetime] = mapped_column(default=now)  # also of a later animation
