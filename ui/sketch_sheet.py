"""A contact sheet of a library's sketches."""

from collections.abc import Iterator
from pathlib import Path

from models.errors import KinodexError
from search.library import Library
from search.sketches import place_segments, read_sketch, segments_with
from sketch.contact_sheet import contact_sheet
from sketch.strokes import Sketch
from ui.printing import clock, printable
from ui.sketch_records import from_store


def write_sheets(library: Library, file: Path) -> list[Path]:
    """Write all sketches onto pages, the second into NAME-2.png and so on; → the files.

    Raises KinodexError when nothing is sketched, or a file cannot be written.
    """
    pages: list[Path] = []
    for number, page in enumerate(contact_sheet(_items(library)), start=1):
        place = file if number == 1 else file.with_stem(f"{file.stem}-{number}")
        try:
            page.save(place)
        except OSError as error:
            raise KinodexError(
                f"the contact sheet {str(place)!r} cannot be written: {error.strerror or error}"
            ) from error
        pages.append(place)
    if not pages:
        raise KinodexError("nothing is sketched in this library: there is no contact sheet")
    return pages


def _items(library: Library) -> Iterator[tuple[Sketch, str]]:
    """Each sketch with its caption, by video and time; only one of them is in memory."""
    with library.reading() as session:
        places = place_segments(session, segments_with(session))
    for place in places:
        with library.reading() as session:
            stored = read_sketch(session, place.segment_id)
        if stored is not None:
            name = printable(place.path.name)
            yield from_store(stored), f"{name} {clock(place.keyframe_s)}"
