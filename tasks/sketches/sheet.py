"""Contact sheets: of a library's sketches, and of what was found."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from models.errors import KinodexError
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.sketches import StoredSketch, read_sketch, segments_with
from search.catalog.store import Store
from search.export.cuts import Cut
from search.wording import clock, printable
from sketch.formats.contact_sheet import SheetItem, SheetLayout, contact_sheet
from tasks.sketches.products import write_file
from tasks.sketches.records import from_store
from tasks.sketches.request import SheetRequest
from tasks.sketches.targets import KeyframeReader, KeyframeUnreadable, keyframe_reader

# As wide as six sketches on their own.
_WITH_KEYFRAMES = SheetLayout(columns=3, photographs=True)


def write_sheets(library: Store, wanted: SheetRequest) -> list[Path]:
    """Write all sketches onto pages, the second into NAME-2.png and so on; → the files.

    Raises KinodexError when nothing is sketched, or a file cannot be written.
    """
    with library.reading() as session:
        places = place_segments(session, segments_with(session))
    captions = [f"{printable(place.path.name)} {clock(place.keyframe_s)}" for place in places]
    layout = _WITH_KEYFRAMES if wanted.with_keyframes else SheetLayout()
    pages = _write_pages(library, wanted.file, zip(places, captions, strict=True), layout)
    if not pages:
        raise KinodexError("nothing is sketched in this library: there is no contact sheet")
    return pages


def write_sheets_of_cuts(library: Store, cuts: Sequence[Cut], file: Path) -> list[Path]:
    """Write the moments that were found onto pages, with their sketches where they have any."""
    with library.reading() as session:
        known = place_segments(session, [cut.moment.segment for cut in cuts])
    by_segment = {place.segment_id: place for place in known}
    found = [cut for cut in cuts if cut.moment.segment in by_segment]
    shown = ((by_segment[cut.moment.segment], caption_of(cut)) for cut in found)
    return _write_pages(library, file, shown, _WITH_KEYFRAMES)


def caption_of(cut: Cut) -> str:
    """What a contact sheet says of a moment: rank, file, time, score, and match if there is one."""
    moment = cut.moment
    match = "" if moment.match is None else f", match {100 * moment.match:.0f} %"
    at = clock(moment.best_s)
    return f"{cut.rank}. {printable(cut.path.name)} {at}, score {moment.score:.3f}{match}"


def _write_pages(
    library: Store, file: Path, shown: Iterable[tuple[SegmentPlace, str]], layout: SheetLayout
) -> list[Path]:
    """Segments with their captions; only one of them is in memory."""
    pages: list[Path] = []
    form = "PNG" if file.suffix.lower() == ".png" else "JPEG"
    with keyframe_reader(library) as reader:
        read = reader if layout.photographs else None
        items = (_item(library, read, place, caption) for place, caption in shown)
        for number, page in enumerate(contact_sheet(items, layout=layout), start=1):
            pages.append(file if number == 1 else file.with_stem(f"{file.stem}-{number}"))
            content = io.BytesIO()
            page.save(content, form)
            write_file(pages[-1], content.getvalue())
    return pages


def _item(
    library: Store, reader: KeyframeReader | None, place: SegmentPlace, caption: str
) -> SheetItem:
    with library.reading() as session:
        stored = read_sketch(session, place.segment_id)
    sketch = from_store(stored) if stored else None
    return SheetItem(sketch, caption, _picture(reader, place, stored))


def _picture(
    reader: KeyframeReader | None, place: SegmentPlace, stored: StoredSketch | None
) -> np.ndarray | None:
    try:
        frame_s = None if stored is None else stored.frame_s
        return reader.drawn(place, frame_s) if reader else None
    except KeyframeUnreadable:  # its place stays empty
        return None
