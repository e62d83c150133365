"""`kinodex sketch VIDEO@TIME`: single segments of a library."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.errors import KinodexError
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.segment_reference import find_segment
from search.catalog.sketches import (
    StoredSketch,
    read_recipe_key,
    read_sketch,
    store_animation,
    store_sketches,
)
from search.catalog.store import SketchKind, Store
from search.wording import clock, printable
from sketch.canvas import Target
from sketch.formats.film import making_of
from sketch.strokes import Drawing
from tasks.sketches.animation import animate
from tasks.sketches.files import ensure_sketch
from tasks.sketches.maker import SketchMaker
from tasks.sketches.products import FILM_MOMENTS, FinishedSketch, write_files
from tasks.sketches.records import from_store, to_store
from tasks.sketches.request import Products
from tasks.sketches.targets import KeyframeReader, keyframe_reader, make_targets


@dataclass(frozen=True)
class MomentSketcher:
    """Sketches segments one by one, and stores the sketches in their library.

    redo: draw those too that have a sketch by the same recipe
    on_progress: hears how many of how many are done
    folder: for copies of the files; needed for films
    """

    library: Store
    maker: SketchMaker
    products: Products
    folder: Path | None
    stop: threading.Event
    on_progress: Callable[[float, int], None]
    redo: bool = False

    def run(self, places: Sequence[SegmentPlace]) -> Iterator[FinishedSketch]:
        """Each segment with its files, in order. Ends when stopped.

        Raises KinodexError for a segment without a keyframe, and when a file cannot be written.
        """
        evidence = self.maker.weighs_evidence
        with keyframe_reader(self.library, with_evidence=evidence) as reader:
            for number, place in enumerate(places):
                self.on_progress(number, len(places))
                on_part = partial(self._on_part, number, len(places))
                piece = _Piece(self, reader, place, on_part)
                drawn = piece.finished()
                if drawn is None:
                    return
                yield drawn
        self.on_progress(len(places), len(places))

    def _on_part(self, done: int, total: int, part: float) -> None:
        """What is done of the piece that is worked on moves the whole's progress."""
        self.on_progress(done + part, total)


@dataclass(frozen=True)
class _Piece:
    """The work on one segment."""

    whole: MomentSketcher
    reader: KeyframeReader
    place: SegmentPlace
    on_progress: Callable[[float], None]

    def finished(self) -> FinishedSketch | None:
        """The sketch with its files, drawn where it has to be; None if stopped."""
        started = time.monotonic()
        film = None
        if self._wants_drawing():
            drawn = self._draw()
            if drawn is None:
                return None
            drawing, target = drawn
            film = making_of(drawing, target) if self.whole.products.video else None
        if self.whole.products.animated and not self._animate():
            return None
        sketch = from_store(self._stored())
        seconds = time.monotonic() - started
        number = self.place.segment_id
        return FinishedSketch(
            name_of(self.place), sketch, self._files(film), seconds, segment=number
        )

    def _wants_drawing(self) -> bool:
        if self.whole.redo or self.whole.products.video:
            return True
        with self.whole.library.reading() as session:
            key = read_recipe_key(session, self.place.segment_id)
        return key != self.whole.maker.recipe.key

    def _draw(self) -> tuple[Drawing, Target] | None:
        maker, number = self.whole.maker, self.place.segment_id
        subject = self.reader.read(self.place)
        [target] = make_targets(maker, [subject])
        record = FILM_MOMENTS if self.whole.products.video else 0
        [drawing] = maker.draw(
            [target], stop=self.whole.stop, on_progress=self.on_progress, record=record
        )
        if self.whole.stop.is_set():
            return None
        with self.whole.library.writing() as session:
            stored = to_store(drawing.sketch, frame_s=subject.frame_s)
            store_sketches(session, maker.recipe, {number: stored})
        return drawing, target

    def _animate(self) -> bool:
        """Add the animation if it is not there yet; False if stopped."""
        stored = self._stored()
        if stored.animation is not None:
            return True
        animation = animate(
            self.whole.maker,
            self.reader,
            self.place,
            from_store(stored),
            frame_s=stored.frame_s,
            stop=self.whole.stop,
        )
        if animation is None:
            return False
        with self.whole.library.writing() as session:
            store_animation(session, self.place.segment_id, animation)
        return True

    def _stored(self) -> StoredSketch:
        with self.whole.library.reading() as session:
            stored = read_sketch(session, self.place.segment_id)
        if stored is None:  # removed from the library at this very moment
            raise KinodexError(f"{name_of(self.place)!r} is not in the library any more")
        return stored

    def _files(self, film: bytes | None) -> dict[str, Path]:
        kinds: list[SketchKind] = ["svg"]
        kinds += ["png"] if self.whole.products.png else []
        kinds += ["animated.svg", "webp", "mp4"] if self.whole.products.animated else []
        files: dict[str, Path] = {}
        for kind in kinds:
            file = ensure_sketch(self.whole.library, self.place.segment_id, kind)
            if file is not None:
                files[kind] = file
        if self.whole.folder is None:
            return files
        contents = {kind: file.read_bytes() for kind, file in files.items()}
        if film is not None:
            contents["making-of"] = film
        return write_files(self.whole.folder, self._stem, contents)

    @property
    def _stem(self) -> str:
        at = clock(self.place.keyframe_s).replace(":", "-")
        return f"{printable(self.place.path.stem)}@{at}"


def find_places(library: Store, texts: Sequence[str]) -> list[SegmentPlace]:
    """The segments that are named, each once.

    Raises NoSuchSegment, and KinodexError for one whose video is missing.
    """
    with library.reading() as session:
        numbers = {find_segment(session, text): text for text in texts}
        places = place_segments(session, list(numbers))
    seen = {place.segment_id for place in places}
    for number, text in numbers.items():
        if number not in seen:
            raise KinodexError(f"the video of {text!r} is missing: bring it back first")
    return places


def name_of(place: SegmentPlace) -> str:
    """The segment as it may be typed."""
    return f"{place.path}@{clock(place.keyframe_s)}"
