"""`kinodex sketch PICTURE …`: picture files, with no library needed."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.reading.containers import HEADER_BYTES, container_of, open_regular
from indexer.reading.errors import DecodeFailed
from models.errors import KinodexError
from search.queries.pictures import PictureUnreadable, open_picture
from search.wording import printable
from sketch.canvas import Target
from sketch.formats.film import making_of
from sketch.formats.png import to_png
from sketch.formats.svg import to_svg
from sketch.strokes import CANVAS, Drawing
from tasks.sketches.maker import BATCH, SketchMaker
from tasks.sketches.products import FILM_MOMENTS, FinishedSketch, write_files
from tasks.sketches.request import Products
from tasks.sketches.targets import Subject, make_targets

# A PNG that somebody asked for by name is to be looked at, not browsed.
PNG_SIZE = 2 * CANVAS


@dataclass(frozen=True)
class PictureSketcher:
    """Sketches pictures in batches.

    on_failed: hears why a picture could not be read, in a sentence that names it
    on_progress: hears how many of how many are done
    """

    maker: SketchMaker
    products: Products
    folder: Path
    stop: threading.Event
    on_failed: Callable[[str], None]
    on_progress: Callable[[float, int], None]

    def run(self, paths: Sequence[Path]) -> Iterator[FinishedSketch]:
        """Each picture with its files, in order; those that fail are left out. Ends when stopped.

        Raises KinodexError when a file cannot be written.
        """
        stems = unlike_stems(paths)
        for start in range(0, len(paths), BATCH):
            self.on_progress(start, len(paths))
            some = {path: stems[path] for path in paths[start : start + BATCH]}
            yield from self._batch(some, start, len(stems))
            if self.stop.is_set():
                return
        self.on_progress(len(paths), len(paths))

    def _batch(self, stems: dict[Path, str], start: int, total: int) -> Iterator[FinishedSketch]:
        subjects = {path: read for path in stems if (read := self._read(path)) is not None}
        if not subjects:
            return
        targets = make_targets(self.maker, list(subjects.values()))
        drawings = self.maker.draw(
            targets,
            stop=self.stop,
            on_progress=lambda part: self.on_progress(start + part * len(stems), total),
            record=FILM_MOMENTS if self.products.video else 0,
        )
        if self.stop.is_set():
            return
        for path, target, drawing in zip(subjects, targets, drawings, strict=True):
            contents = picture_files(drawing, target, self.products, title=path.name)
            files = write_files(self.folder, stems[path], contents)
            yield FinishedSketch(str(path), drawing.sketch, files, drawing.seconds)

    def _read(self, path: Path) -> Subject | None:
        try:
            return Subject(open_picture(path, name=str(path)))
        except PictureUnreadable as error:
            self.on_failed(_why_video(path) or str(error))
            return None


def picture_files(
    drawing: Drawing, target: Target, products: Products, *, title: str
) -> dict[str, bytes]:
    """What is written of a drawing, by kind."""
    sketch, title = drawing.sketch, printable(title)
    contents = {"svg": to_svg(sketch, title=title).encode()}
    if products.png:
        contents["png"] = to_png(sketch, size=PNG_SIZE)
    if products.animated:
        contents["animated.svg"] = to_svg(sketch, title=title, playing=True).encode()
    if products.video:
        contents["making-of"] = making_of(drawing, target)
    return contents


def check_pictures(paths: Sequence[Path]) -> None:
    """Raise KinodexError for what is no file, before a model is loaded."""
    for path in paths:
        if path.is_dir():
            raise KinodexError(f"{str(path)!r} is a folder: name the pictures in it")
        if not path.exists():
            raise KinodexError(
                f"there is no picture {str(path)!r}; a moment of the library is written "
                "video.mp4@1:02"
            )


def _why_video(path: Path) -> str | None:
    """What to say of a video where a picture was expected; None of anything else."""
    try:
        with open_regular(path) as file:
            if container_of(file.read(HEADER_BYTES)) is None:
                return None
    except (DecodeFailed, OSError):
        return None
    return (
        f"{str(path)!r} is a video: index it, then name a moment in it as "
        f"{f'{path}@1:02'!r}, or give no name for all of the library"
    )


def unlike_stems(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each picture's files: without its ending, where that tells it from the others."""
    by_stem = Counter(path.stem for path in dict.fromkeys(paths))
    by_name = Counter(path.name for path in dict.fromkeys(paths))
    names: dict[Path, str] = {}
    for path in dict.fromkeys(paths):
        name = path.stem if by_stem[path.stem] == 1 else path.name
        if by_name[path.name] > 1:
            name = f"{path.name}-{len(names) + 1}"
        names[path] = name
    return names
