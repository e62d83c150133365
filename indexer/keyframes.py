"""Keyframe pictures: written when a video is indexed, drawn again when they are gone."""

from pathlib import Path

from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings
from indexer.reading.worker import DecodeWorker
from models.files import make_folder, replaced_whole
from search.catalog.places import place_segments
from search.catalog.store import Store

# Keyframes are kept from the frames decoded for the model, which are therefore never smaller.
KEYFRAME_SIDE = 224


def write_keyframe(file: Path, jpeg: bytes) -> None:
    """Put a picture in place in one step, so that no reader sees half of it."""
    make_folder(file.parent)
    with replaced_whole(file, as_folder=True) as draft:
        draft.write_bytes(jpeg)


def ensure_keyframe(
    library: Store, segment_id: int, *, settings: IndexSettings, worker: DecodeWorker
) -> Path | None:
    """The file with a segment's keyframe, decoded again if it was deleted.

    None when the segment or its video is gone, or the video cannot be read any more, or the
    picture not be stored.
    """
    file = library.keyframe_file(segment_id)
    if file.exists():
        return file
    with library.reading() as session:
        places = place_segments(session, [segment_id])
    if not places:
        return None
    [place] = places
    try:
        jpeg = worker.thumbnail(
            place.path,
            place.keyframe_s,
            short_side=KEYFRAME_SIDE,
            settings=settings,
            length_s=place.video.duration_s,
        )
        write_keyframe(file, jpeg)
    except (DecodeFailed, OSError):  # the latter: a full disk, on which it cannot be kept
        return None
    return file
