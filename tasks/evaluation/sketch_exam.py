"""What `kinodex evaluate sketch` shows the models: pictures with their sketches, and the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.errors import KinodexError
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.settings import SketchSettings
from search.catalog.sketches import read_sketch, segments_with
from search.catalog.spaces import choice_of
from search.catalog.store import Store
from search.queries.pictures import PictureUnreadable, open_picture
from search.tags.reading import active_vocabulary, nothing_tagged
from search.wording import counted
from sketch.canvas import Target, on_canvas
from sketch.edges.canny import canny_strokes
from sketch.strokes import LossFigures, Sketch, Strokes
from tasks.sketches.maker import BATCH, SketchMaker
from tasks.sketches.records import from_store
from tasks.sketches.targets import KeyframeUnreadable, Subject, keyframe_reader, make_targets
from tasks.terminal.model_flags import ModelFlags, load_talking, space_of
from tasks.terminal.printing import talk


@dataclass(frozen=True)
class ExamEntry:
    """One way of drawing all the pictures.

    losses: against each photograph, in the eyes of the model that drew; None where nobody asked
    """

    what: str
    strokes: list[Strokes]
    losses: list[LossFigures] | None = None

    @property
    def mean_strokes(self) -> float:
        """How many strokes a picture has."""
        return float(np.mean([len(one) for one in self.strokes]))

    def first(self, count: int) -> "ExamEntry":
        """The first strokes of each, in drawing order."""
        return ExamEntry(f"first {count}", [one.take(slice(count)) for one in self.strokes])


@dataclass(frozen=True)
class Exam:
    """Pictures, what they show, and how they were drawn.

    pictures: float32 RGB (224, 224, 3)
    truth: the number of each one's label; None where a model is held to what it says itself of
        the picture
    failed: how many pictures could not be read
    """

    pictures: list[np.ndarray]
    labels: list[str]
    truth: list[int] | None
    ways: list[ExamEntry]
    failed: int


def exam_of_pictures(folder: Path, maker: SketchMaker, counts: Sequence[int]) -> Exam:
    """Pictures in folders that are named after what they show, drawn now with each of the counts.

    Raises KinodexError when there are no such folders, or nothing in them can be read.
    """
    files = labelled_files(folder)
    labels = sorted({label for _, label in files})
    read: list[np.ndarray] = []
    truth: list[int] = []
    for file, label in files:
        try:
            read.append(open_picture(file, name=str(file)))
        except PictureUnreadable as error:
            talk(f"left out: {error}")
            continue
        truth.append(labels.index(label))
    if not read:
        raise KinodexError(f"none of the pictures in {str(folder)!r} can be read")
    targets = make_targets(maker, [Subject(picture) for picture in read])
    ways = []
    for count in counts:
        talk(f"drawing {counted(len(targets), 'picture')} with {counted(count, 'stroke')}")
        ways += [_drawn(maker, targets, count), _canny(maker, targets, [count] * len(targets))]
    ways += [ways[-2].first(count) for count in counts[:-1]]
    return Exam([t.picture for t in targets], labels, truth, ways, len(files) - len(read))


def labelled_files(folder: Path) -> list[tuple[Path, str]]:
    """Files with the names of their folders. Raises KinodexError for fewer than two labels."""
    if not folder.is_dir():
        raise KinodexError(f"there is no folder {str(folder)!r}")
    files = [
        (file, place.name.replace("_", " "))
        for place in sorted(folder.iterdir())
        if place.is_dir() and not place.name.startswith(".")
        for file in sorted(place.iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]
    if len({label for _, label in files}) < 2:
        raise KinodexError(
            f"{str(folder)!r} needs at least two folders of pictures, each named after what its "
            "pictures show"
        )
    return files


def exam_of_library(
    library: Store, flags: ModelFlags, counts: Sequence[int]
) -> tuple[Exam, SketchMaker]:
    """A library's keyframes with the sketches that they have, and the labels of its vocabulary.

    Raises KinodexError when nothing is tagged, nothing is sketched, or no keyframe can be read.
    """
    space = space_of(library)
    with library.reading() as session:
        vocabulary = active_vocabulary(session)
        if vocabulary is None:
            raise nothing_tagged()
        labels = [label.text for label in vocabulary.labels]
        places = place_segments(session, segments_with(session))
    if space is None or not places:
        raise KinodexError("nothing is sketched in this library yet: run 'kinodex sketch'")
    shown = _keyframes(library, places)
    if not shown:
        raise KinodexError("none of the keyframes of this library can be read")
    choice = flags.over(choice_of(space))
    maker = SketchMaker(load_talking(choice, flags), SketchSettings())
    targets = [target for target, _ in shown]
    sketches = [sketch for _, sketch in shown]
    whole = ExamEntry("sketch", [s.strokes for s in sketches], [s.loss for s in sketches])
    ways = [whole, _canny(maker, targets, [len(strokes) for strokes in whole.strokes])]
    ways += [whole.first(count) for count in counts if count < whole.mean_strokes]
    pictures = [target.picture for target in targets]
    return Exam(pictures, labels, None, ways, len(places) - len(shown)), maker


def _keyframes(library: Store, places: Sequence[SegmentPlace]) -> list[tuple[Target, Sketch]]:
    shown = []
    with keyframe_reader(library) as reader:
        for place in places:
            with library.reading() as session:
                stored = read_sketch(session, place.segment_id)
            if stored is None:
                continue
            try:
                picture = reader.drawn(place, stored.frame_s)
            except KeyframeUnreadable as error:
                talk(f"left out: segment {place.segment_id}: {error}")
                continue
            sketch = from_store(stored)
            shown.append((Target.unmasked(*on_canvas(picture, sketch.placed)), sketch))
    return shown


def _drawn(maker: SketchMaker, targets: Sequence[Target], count: int) -> ExamEntry:
    sketches = [
        drawing.sketch
        for start in range(0, len(targets), BATCH)
        for drawing in maker.artist.draw(
            targets[start : start + BATCH], strokes=count, seed=maker.settings.seed
        )
    ]
    return ExamEntry("sketch", [one.strokes for one in sketches], [one.loss for one in sketches])


def _canny(maker: SketchMaker, targets: Sequence[Target], counts: Sequence[int]) -> ExamEntry:
    """As many of the longest edges as a sketch has strokes."""
    lines = [canny_strokes(t, count) for t, count in zip(targets, counts, strict=True)]
    losses = [
        maker.artist.losses(target, [strokes])[0]
        for target, strokes in zip(targets, lines, strict=True)
    ]
    return ExamEntry("Canny", lines, losses)
