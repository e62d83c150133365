"""Sketching a library: batch after batch, each of them one transaction."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby

from search.catalog.lock import only_sketcher
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.sketches import (
    count_sketches,
    mark_for_redrawing,
    segments_without,
    store_sketches,
)
from search.catalog.store import Store
from tasks.sketches.files import SketchNotStored, drop_stale_files, write_usual_files
from tasks.sketches.maker import BATCH, SketchMaker
from tasks.sketches.records import to_store
from tasks.sketches.targets import (
    KeyframeReader,
    KeyframeUnreadable,
    Subject,
    keyframe_reader,
    make_targets,
)


@dataclass(frozen=True)
class SketchReport:
    """What a run did, counted. `segments` are those of videos that are present."""

    segments: int
    drawn: int = 0
    already_there: int = 0
    failed: int = 0
    seconds: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True)
class SketchingListener:
    """What hears of a run: how many of how many are done, what failed and why, and remarks."""

    on_progress: Callable[[float, int], None] = lambda _done, _total: None
    on_failed: Callable[[SegmentPlace, str], None] = lambda _place, _reason: None
    talk: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class _Read:
    """A batch of segments of which the keyframes were read, and those that have none."""

    places: list[SegmentPlace]
    subjects: list[Subject]
    failures: list[tuple[SegmentPlace, str]]
    size: int  # of the batch, with the segments that are gone by now


@dataclass
class LibrarySketcher:
    """Sketches the segments of a library. Killed or stopped, it goes on where it was."""

    library: Store
    maker: SketchMaker
    listener: SketchingListener = SketchingListener()
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, *, redo: bool = False, only_new: bool = False) -> SketchReport:
        """Draw each present segment that has no sketch by the maker's recipe; → what was done.

        redo: draw those again, too, that have a sketch by this very recipe. It stands until the
            new one is stored; a run that is stopped is gone on with without redo.
        only_new: leave sketches alone that were made otherwise

        Raises LibraryBusy when another process sketches this library.
        """
        started = time.monotonic()
        evidence = self.maker.weighs_evidence
        with (
            only_sketcher(self.library.folder),
            keyframe_reader(self.library, with_evidence=evidence) as reader,
        ):
            if redo:
                with self.library.writing() as session:
                    mark_for_redrawing(session, self.maker.recipe)
            with self.library.reading() as session:
                wanted = segments_without(session, None if only_new else self.maker.recipe)
                count = count_sketches(session, self.maker.recipe)
            report = SketchReport(count.segments, already_there=count.segments - len(wanted))
            if count.made_otherwise and not only_new:
                self.listener.talk(
                    f"{count.made_otherwise} of the sketches were made in another way (strokes, "
                    "mask, seed, model …): they are drawn again"
                )
            report = self._draw_all(reader, wanted, report)
            drop_stale_files(self.library)
        return replace(report, seconds=round(time.monotonic() - started, 3))

    def _draw_all(
        self, reader: KeyframeReader, wanted: Sequence[int], report: SketchReport
    ) -> SketchReport:
        with_files = True
        done = 0
        self.listener.on_progress(0, len(wanted))
        for batch in self._read_ahead(reader, _in_batches(wanted)):
            for place, reason in batch.failures:
                self.listener.on_failed(place, reason)
            drawn = self._draw(batch, done, len(wanted))
            if drawn is None:
                break
            with_files = with_files and self._write_files(drawn)
            done += batch.size
            self.listener.on_progress(done, len(wanted))
            report = replace(
                report, drawn=report.drawn + len(drawn), failed=report.failed + len(batch.failures)
            )
        return replace(report, interrupted=done < len(wanted))

    def _draw(self, batch: _Read, done: int, total: int) -> list[int] | None:
        """Draw and store a batch; → the segments that have sketches now, None if stopped."""
        if self.stop.is_set():
            return None
        if not batch.subjects:
            return []

        farthest = 0.0

        def on_progress(part: float) -> None:
            nonlocal farthest  # sketches of different numbers of strokes begin anew
            farthest = max(farthest, part)
            self.listener.on_progress(done + farthest * batch.size, total)

        targets = make_targets(self.maker, batch.subjects)
        drawings = self.maker.draw(targets, stop=self.stop, on_progress=on_progress)
        if self.stop.is_set():
            return None
        sketches = {
            place.segment_id: to_store(drawing.sketch, frame_s=subject.frame_s)
            for place, subject, drawing in zip(batch.places, batch.subjects, drawings, strict=True)
        }
        with self.library.writing() as session:
            return store_sketches(session, self.maker.recipe, sketches)

    def _write_files(self, segment_ids: Sequence[int]) -> bool:
        """Write the usual pictures; False, with a word on it, where that is impossible."""
        try:
            write_usual_files(self.library, segment_ids)
        except SketchNotStored as error:
            self.listener.talk(f"{error}; the sketches are kept in the catalog")
            return False
        return True

    def _read_ahead(self, reader: KeyframeReader, batches: Iterator[list[int]]) -> Iterator[_Read]:
        """Keyframes are read in a thread of their own, one batch ahead of the drawing."""
        with ThreadPoolExecutor(1) as reading:
            ahead: Future[_Read] | None = None
            for batch in batches:
                read, ahead = ahead, reading.submit(self._read, reader, batch)
                if read is not None:
                    yield read.result()
                if self.stop.is_set():
                    return
            if ahead is not None:
                yield ahead.result()

    def _read(self, reader: KeyframeReader, segment_ids: list[int]) -> _Read:
        with self.library.reading() as session:
            places = place_segments(session, segment_ids)
        batch = _Read([], [], [], len(segment_ids))
        for place in places:
            if self.stop.is_set():
                break
            try:
                subject = reader.read(place)
            except KeyframeUnreadable as error:
                batch.failures.append((place, str(error)))
                continue
            batch.places.append(place)
            batch.subjects.append(subject)
        return batch


def _in_batches(segment_ids: Sequence[int]) -> Iterator[list[int]]:
    """Rising ids in groups that are drawn together.

    Whatever was drawn before, the same ids share a batch: a run that was killed in between ends
    with the very strokes of one that was not.
    """
    for _, batch in groupby(segment_ids, key=lambda segment_id: segment_id // BATCH):
        yield list(batch)
