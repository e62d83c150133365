"""A contact sheet of a library's sketches."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from indexer.config import load_settings
from indexer.worker import DecodeWorker
from models.errors import KinodexError
from search.library import Library
from search.sketches import SegmentPlace, place_segments, read_sketch, segments_with
from sketch.contact_sheet import SheetItem, SheetLayout, contact_sheet
from ui.printing import clock, printable
from ui.sketch_products import write_file
from ui.sketch_records import from_store
from ui.sketch_request import SheetRequest
from ui.sketch_targets import KeyframeReader, KeyframeUnreadable

# As wide as six sketches on their own.
_WITH_KEYFRAMES = SheetLayout(columns=3, photographs=True)


def write_sheets(library: Library, wanted: SheetRequest) -> list[Path]:
    """Write all sketches onto pages, the second into NAME-2.png and so on; → the files.

    Raises KinodexError when nothing is sketched, or a file cannot be written.
    """
    pages: list[Path] = []
    form = "PNG" if wanted.file.suffix.lower() == ".png" else "JPEG"
    layout = _WITH_KEYFRAMES if wanted.with_keyframes else SheetLayout()
    with DecodeWorker() as worker:
        reader = KeyframeReader(library, worker, load_settings(library), with_evidence=False)
        items = _items(library, reader if wanted.with_keyframes else None)
        for number, page in enumerate(contact_sheet(items, layout=layout), start=1):
            stem = wanted.file.stem if number == 1 else f"{wanted.file.stem}-{number}"
            pages.append(wanted.file.with_stem(stem))
            content = io.BytesIO()
            page.save(content, form)
            write_file(pages[-1], content.getvalue())
    if not pages:
        raise KinodexError("nothing is sketched in this library: there is no contact sheet")
    return pages


def _items(library: Library, reader: KeyframeReader | None) -> Iterator[SheetItem]:
    """Each sketch with its caption, by video and time; only one of them is in memory."""
    with library.reading() as session:
        places = place_segments(session, segments_with(session))
    for place in places:
        with library.reading() as session:
            stored = read_sketch(session, place.segment_id)
        if stored is not None:
            caption = f"{printable(place.path.name)} {clock(place.keyframe_s)}"
            yield SheetItem(from_store(stored), caption, _keyframe(reader, place))


def _keyframe(reader: KeyframeReader | None, place: SegmentPlace) -> np.ndarray | None:
    try:
        return reader.keyframe(place) if reader else None
    except KeyframeUnreadable:  # its place stays empty
        return None
