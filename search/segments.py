"""All segments that can be found, for whoever works on them with other tools."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select

from search.catalog.embeddings import unpack
from search.catalog.places import is_searchable, present_videos
from search.catalog.spaces import active_space
from search.catalog.store import Store, nothing_indexed
from search.catalog.tables import Segment, SegmentEmbedding, Space
from search.tags.reading import Tag, tags_of

_ROWS_AT_ONCE = 1_000  # 2 MB of embeddings at width 512
_EMBEDDINGS_AT_ONCE = 10_000


@dataclass(frozen=True)
class SegmentRow:
    """A segment of a video that lies somewhere now. Times in seconds.

    segment: its number, as hits have it
    video: the hash of the video's content
    paths: the places where this content lies now
    tags: best first
    keyframe: its picture, a JPEG; None where that has been deleted
    embedding: float32 (dim,), of unit length as far as the stored 16 bits go
    """

    segment: int
    video: str
    paths: tuple[Path, ...]
    start_s: float
    end_s: float
    tags: tuple[Tag, ...]
    keyframe: Path | None
    embedding: np.ndarray = field(repr=False, compare=False)


def read_segments(store: Store) -> Iterator[SegmentRow]:
    """The segments of all present videos, by number; a thousand of them are in memory at a time.

    Each thousand is read at one moment of the catalog. Raises EmptyLibrary at once.
    """
    return _in_chunks(store, _space_of(store))


def read_embeddings_of_all(store: Store) -> tuple[np.ndarray, np.ndarray]:
    """The segments of all present videos, by number: ids int64 (n,), embeddings float32 (n, dim).

    Raises EmptyLibrary.
    """
    space = _space_of(store)
    ids, embeddings = [np.empty(0, np.int64)], [np.empty((0, space.dim), np.float32)]
    query = (
        select(Segment.id, SegmentEmbedding.embedding)
        .where(is_searchable(space.id))
        .order_by(Segment.id)
    )
    with store.reading() as session:
        rows = session.execute(query, execution_options={"yield_per": _EMBEDDINGS_AT_ONCE})
        for chunk in rows.partitions():
            numbers, blobs = zip(*chunk, strict=True)
            ids.append(np.array(numbers, np.int64))
            embeddings.append(unpack(blobs, space.dim))
    return np.concatenate(ids), np.concatenate(embeddings)


def _space_of(store: Store) -> Space:
    with store.reading() as session:
        space = active_space(session)
        if space is None:
            raise nothing_indexed(store)
        return space


def _in_chunks(store: Store, space: Space) -> Iterator[SegmentRow]:
    last = 0
    while rows := _rows_after(store, space, last):
        yield from rows
        last = rows[-1].segment


def _rows_after(store: Store, space: Space, last: int) -> list[SegmentRow]:
    query = (
        select(Segment, SegmentEmbedding.embedding)
        .where(is_searchable(space.id), Segment.id > last)
        .order_by(Segment.id)
        .limit(_ROWS_AT_ONCE)
    )
    with store.reading() as session:
        found = session.execute(query).all()
        videos = present_videos(session, {segment.video_id for segment, _ in found})
        tags = tags_of(session, [segment.id for segment, _ in found])
        return [
            SegmentRow(
                segment=segment.id,
                video=videos[segment.video_id].content_hash,
                paths=videos[segment.video_id].paths,
                start_s=segment.start_s,
                end_s=segment.end_s,
                tags=tags[segment.id],
                keyframe=_kept(store.keyframe_file(segment.id)),
                embedding=unpack([embedding], space.dim)[0],
            )
            for segment, embedding in found
        ]


def _kept(file: Path) -> Path | None:
    return file if file.is_file() else None
