"""`kinodex sketch`: a library, some of its moments, or pictures, turned into strokes."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from models.clip.backbone import Backbone
from models.clip.sources import choose_model
from models.identity import BUNDLED, ModelChoice
from models.towers.blocks import OtherTower
from search.catalog.places import SegmentPlace
from search.catalog.settings import SketchSettings
from search.catalog.spaces import choice_of
from search.catalog.store import LibraryNotFound, Store
from search.wording import counted, printable, short_path
from tasks.sketches.library import LibrarySketcher, SketchingListener, SketchReport
from tasks.sketches.maker import SketchMaker
from tasks.sketches.moments import MomentSketcher, find_places, name_of
from tasks.sketches.pictures import PictureSketcher, check_pictures
from tasks.sketches.products import FinishedSketch, usable_folder
from tasks.sketches.request import SketchRequest, meant_by
from tasks.sketches.sheet import write_sheets
from tasks.terminal.bars import WorkBar
from tasks.terminal.model_flags import ModelFlags, indexed_space, load_talking, space_of
from tasks.terminal.outcomes import Exit, stop_on_interrupt
from tasks.terminal.printing import data_json, talk


def run_sketch(folder: Path | None, words: Sequence[str], request: SketchRequest) -> int:
    """Sketch what is named, or the library in `folder`; → the exit code."""
    if not words:
        with Store.open(folder) as library:
            return _sketch_library(library, request)
    named = [meant_by(word) for word in words]
    moments = [one for one in named if isinstance(one, str)]
    pictures = [one for one in named if isinstance(one, Path)]
    check_pictures(pictures)
    with _library_if_any(folder, needed=bool(moments)) as library:
        return _sketch_named(library, moments, pictures, request)


def sketch_new_segments(
    library: Store, backbone: Backbone, stop: threading.Event | None = None
) -> SketchReport:
    """Sketch what has no sketch at all, by the library's own settings.

    stop: ends it early; without one Ctrl-C does
    """
    settings = library.settings(SketchSettings)
    maker = _maker_with(backbone, settings, library, asked=None)
    with stop_on_interrupt() if stop is None else nullcontext(stop) as heard:
        report = _run_library(library, maker, heard, redo=False, only_new=True)
    _summarise(report)
    return report


def _library_if_any(folder: Path | None, *, needed: bool) -> AbstractContextManager[Store | None]:
    try:
        return Store.open(folder)
    except LibraryNotFound:
        if needed or folder is not None:
            raise
        return nullcontext()


def _sketch_library(library: Store, request: SketchRequest) -> int:
    library.require_writable()
    indexed_space(library)
    if request.sheet is not None:
        usable_folder(request.sheet.file.parent)
    maker = _maker(library, request)
    with stop_on_interrupt() as stop:
        report = _run_library(library, maker, stop, redo=request.redo, only_new=False)
    sheets: Sequence[Path] = ()
    if request.sheet is not None and not report.interrupted:
        sheets = write_sheets(library, request.sheet)
    if request.as_json:
        data_json(asdict(report) | {"sheets": [str(sheet) for sheet in sheets]})
    _summarise(report)
    for sheet in sheets:
        talk(f"contact sheet: {printable(short_path(sheet))}")
    return exit_code(report)


def _run_library(
    library: Store, maker: SketchMaker, stop: threading.Event, *, redo: bool, only_new: bool
) -> SketchReport:
    with WorkBar("sketching", library=library.folder) as bar:
        listener = SketchingListener(bar.show, _say_failed, talk)
        sketcher = LibrarySketcher(library, maker, listener, stop)
        return sketcher.run(redo=redo, only_new=only_new)


def _sketch_named(
    library: Store | None, moments: Sequence[str], pictures: Sequence[Path], request: SketchRequest
) -> int:
    places = []
    if library is not None and moments:
        library.require_writable()
        places = find_places(library, moments)
    products = request.products
    writes = products.out is not None or bool(pictures) or products.video
    folder = usable_folder(products.out) if writes else None
    maker = _maker(library, request)
    failed: list[str] = []

    def on_failed(why: str) -> None:
        failed.append(why)
        talk(f"failed: {printable(why)}")

    shown = 0
    with WorkBar("sketching", "sketches") as bar, stop_on_interrupt() as stop:
        works: list[Iterator[FinishedSketch]] = []
        if library is not None and places:
            segments = MomentSketcher(
                library, maker, products, folder, stop, bar.show, request.redo
            )
            works.append(segments.run(places))
        if pictures and folder is not None:
            files = PictureSketcher(maker, products, folder, stop, on_failed, bar.show)
            works.append(files.run(pictures))
        for drawn in chain(*works):
            drawn.show(as_json=request.as_json)
            shown += 1
    if stop.is_set():
        return Exit.INTERRUPTED
    if failed:
        return Exit.SOME_FAILED if shown else Exit.ERROR
    return Exit.DONE


def _maker(library: Store | None, request: SketchRequest) -> SketchMaker:
    own = library.settings(SketchSettings) if library else SketchSettings()
    backbone = load_talking(_choice(library, request.model), request.model)
    asked = request.model.choice(None)
    return _maker_with(backbone, request.flags.over(own), library, asked=asked)


def _maker_with(
    backbone: Backbone,
    settings: SketchSettings,
    library: Store | None,
    *,
    asked: ModelChoice | None,
) -> SketchMaker:
    """One that draws with this model, or with the bundled one where this one cannot draw.

    asked: the model that was named, which may be the library's own

    Raises OtherTower where a model was asked for that is not the library's, and cannot draw.
    """
    space = space_of(library) if library else None
    own = choice_of(space) if space else None
    is_foreign = own is not None and own.words != BUNDLED
    try:
        # Of real footage and its tags the bundled model knows nothing; it sees lines all the same.
        knows_words = not (is_foreign and backbone.choice.words == BUNDLED)
        return SketchMaker(backbone, settings, reads_words=knows_words)
    except OtherTower:
        if asked not in (None, own):
            raise
        talk(f"{backbone.choice} cannot draw: the bundled model does, by the edges that it sees")
        drawer = load_talking(choose_model(BUNDLED), ModelFlags(device=backbone.device_type))
        return SketchMaker(drawer, settings, reads_words=not is_foreign)


def _choice(library: Store | None, flags: ModelFlags) -> ModelChoice:
    """What was asked for, else the library's own model, else the bundled one."""
    space = space_of(library) if library else None
    choice = flags.over(choice_of(space)) if space else flags.choice(None)
    if choice:
        return choice
    talk(
        "no library: the bundled model draws, which knows a small generated world; --model names "
        "another"
    )
    return choose_model(BUNDLED)


def _say_failed(place: SegmentPlace, reason: str) -> None:
    talk(f"failed: {printable(name_of(place))}: {reason}")


def exit_code(report: SketchReport) -> int:
    """What a shell is told of a run."""
    if report.interrupted:
        return Exit.INTERRUPTED
    return Exit.SOME_FAILED if report.failed else Exit.DONE


def _summarise(report: SketchReport) -> None:
    if report.segments and report.already_there == report.segments:
        talk(f"all {report.segments} segments have such a sketch: there was nothing to draw")
        return
    parts = [f"{counted(report.drawn, 'segment')} sketched"]
    if report.drawn:
        parts[0] += f" in {report.seconds:.1f} s"
    if report.already_there:
        parts.append(f"{report.already_there} had a sketch")
    if report.failed:
        parts.append(f"{report.failed} failed")
    talk(", ".join(parts))
    if report.interrupted:
        talk("interrupted: run the same command again, without --redo, to go on")
