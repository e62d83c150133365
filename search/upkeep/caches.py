"""Whether what can be made again, vectors and pictures, is what the catalog says."""

import io
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.files import DRAFT
from search.catalog.embeddings import normalised, read_embeddings
from search.catalog.settings import LibrarySettings
from search.catalog.soundness import Part, Problem
from search.catalog.store import FILE_MODES, FOLDER_MODES, Store
from search.catalog.tables import Segment, SegmentEmbedding, SegmentSketch, Space
from search.vectors import VectorIndex, storage

_BUILT_AGAIN = "it is made again from the catalog where it is needed"
_REMOVED = "it is removed, as it can be made again"
_SAMPLED = 256  # vectors of an index, spread evenly
# Both hold the same 16-bit numbers: only the order in which they are added up may differ.
_SCORE_ERROR = 1e-5
# A younger draft may be in the hands of somebody who writes it now.
_DRAFT_AGE_S = 3600.0


def find_stale_vectors(library: Store) -> Iterator[Problem]:
    """Stored vector indexes that are damaged, of no space, or not what the catalog holds."""
    with library.reading() as session:
        spaces = {space.key: space for space in session.scalars(select(Space))}
        for folder in _folders(library.vectors_folder):
            if folder.name not in spaces:
                what = f"the vector index {folder.name!r} belongs to no model of this library"
                yield Problem(Part.LEFTOVER, what, _REMOVED, file=str(folder))
            elif reason := _wrong_index(session, folder, spaces[folder.name]):
                what = f"the vector index {folder.name!r} cannot be used: {reason}"
                yield Problem(Part.VECTORS, what, _BUILT_AGAIN, file=str(folder))


def _wrong_index(session: Session, folder: Path, space: Space) -> str | None:
    try:
        index, manifest = storage.load(folder, space=space.key, dim=space.dim)
    except storage.MissingIndex:
        return None
    except storage.DamagedIndex as damaged:
        return damaged.reason
    in_space = select(SegmentEmbedding.segment_id).where(SegmentEmbedding.space_id == space.id)
    stored = np.sort(np.array(session.scalars(in_space).all(), np.int64))
    # One of another revision is brought up to date by the next search.
    if manifest.revision == space.revision and not np.array_equal(stored, np.sort(index.ids())):
        return f"it holds {len(index)} segments, and others than the {len(stored)} of the catalog"
    return _differs(session, index, space, np.intersect1d(stored, index.ids()))


def _differs(session: Session, index: VectorIndex, space: Space, ids: np.ndarray) -> str | None:
    chosen = ids[:: max(1, len(ids) // _SAMPLED)]
    if not len(chosen):
        return None
    # Vectors that differ at all differ, but for chance, in the direction of any one query.
    query = normalised(np.random.default_rng(0).normal(size=space.dim)).astype(np.float32)
    near = index.search(query, len(chosen), among=chosen)
    scores = read_embeddings(session, space.id, space.dim)(near.ids) @ query
    other = near.ids[np.abs(scores - near.scores) > _SCORE_ERROR]
    return f"its vector of segment {other.min()} is not the catalog's" if len(other) else None


def find_stale_pictures(library: Store) -> Iterator[Problem]:
    """Keyframes and pictures of sketches that are damaged or of nothing, and forgotten drafts."""
    with library.reading() as session:
        segments = set(session.scalars(select(Segment.id)))
        sketched = set(session.scalars(select(SegmentSketch.segment_id)))
    media = library.folder / "media"
    for kind, known in (("keyframes", segments), ("sketches", sketched)):
        for file in sorted((media / kind).glob("*/*")):
            if found := _wrong_picture(file, known):
                part, reason = found
                what = f"the picture {str(file.relative_to(library.folder))!r} {reason}"
                yield Problem(part, what, _REMOVED, file=str(file))


def _wrong_picture(file: Path, known: set[int]) -> tuple[Part, str] | None:
    status = file.lstat()
    if file.suffix == DRAFT:
        old = time.time() - status.st_mtime > _DRAFT_AGE_S
        return (Part.LEFTOVER, "was left unfinished") if old else None
    if not stat.S_ISREG(status.st_mode):
        return Part.MEDIA, "is no regular file"
    number = file.name.partition(".")[0]
    if not (number.isascii() and number.isdecimal() and int(number) in known):
        return Part.LEFTOVER, "is of no segment of this library"
    return None if _is_whole(file) else (Part.MEDIA, "is damaged")


def _is_whole(file: Path) -> bool:
    try:
        content = file.read_bytes()
        if file.suffix == ".svg":
            return content.rstrip().endswith(b"</svg>")
        if file.suffix in (".jpg", ".png", ".webp"):
            with Image.open(io.BytesIO(content)) as picture:
                picture.load()
        return bool(content)
    except Exception:  # whatever a decoder says of a damaged file
        return False


def find_open_parts(library: Store) -> Iterator[Problem]:
    """Folders and files of a library that are open to others than its settings say."""
    group = library.settings(LibrarySettings).group
    for place in [library.folder, *sorted(library.folder.rglob("*"))]:
        if wanted := _other_mode(place, group):
            what = f"{str(place)!r} is not open to those only whom 'group' in library.toml names"
            yield Problem(Part.ACCESS, what, f"its mode becomes {wanted:o}", file=str(place))


def mode_for(place: Path, group: str) -> int:
    """The mode that a part of a library should have by its settings."""
    return (FOLDER_MODES if place.is_dir() else FILE_MODES)[group]


def _other_mode(place: Path, group: str) -> int | None:
    mode = place.lstat().st_mode
    if os.name == "nt" or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        return None
    wanted = mode_for(place, group)
    return wanted if (mode ^ wanted) & 0o077 else None


def _folders(place: Path) -> list[Path]:
    return sorted(one for one in place.glob("*") if one.is_dir() and not one.is_symlink())
