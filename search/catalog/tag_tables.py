"""The tables of tags: vocabularies and their labels, what the model says and what a person says."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from search.catalog.tables import Base, now


class Vocabulary(Base):
    """A named list of labels, encoded by a model, with all that a score depends on.

    Several are kept, so that going back to one encodes nothing. One is active: tags are of it.
    """

    __tablename__ = "vocabularies"

    id: Mapped[int] = mapped_column(primary_key=True)
    # Where the embeddings of segments lie that are compared with those of the labels.
    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    file: Mapped[Path | None]  # None for one that ships with the program
    active: Mapped[bool] = mapped_column(default=False)
    templates: Mapped[list[str]]
    text_digest: Mapped[str] = mapped_column(String(32))  # of the weights that encoded the texts
    neutral: Mapped[bytes] = mapped_column(LargeBinary)  # float16 (sentences, dim), unit length
    floors: Mapped[bytes] = mapped_column(LargeBinary)  # float32 (labels,)
    # How many segments the floors were measured on; 0 before they were.
    floor_segments: Mapped[int] = mapped_column(default=0)
    logit_scale: Mapped[float]  # the factor on the cosines
    calibration_scale: Mapped[float]
    calibration_offset: Mapped[float]
    min_probability: Mapped[float]
    most: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)

    labels: Mapped[list["Label"]] = relationship(order_by="Label.position")


class Label(Base):
    """An action's name in a vocabulary."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("vocabulary_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vocabulary_id: Mapped[int] = mapped_column(ForeignKey("vocabularies.id", ondelete="CASCADE"))
    position: Mapped[int]
    text: Mapped[str]
    embedding: Mapped[bytes] = mapped_column(LargeBinary)  # float16 (dim,), unit length


class SegmentTag(Base):
    """What the model says of a segment: a label that holds, or the one that came next."""

    __tablename__ = "tags"

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True
    )
    label_id: Mapped[int] = mapped_column(
        ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    probability: Mapped[float]
    kept: Mapped[bool]  # False for the runner-up: the best label that did not become a tag


class Correction(Base):
    """A person's word on a label: by content and time, so that it outlives segments and models."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("content_hash", "start_s", "end_s", "label"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(40))
    start_s: Mapped[float]
    end_s: Mapped[float]
    label: Mapped[str]
    holds: Mapped[bool]
    said_at: Mapped[datetime] = mapped_column(default=now)
