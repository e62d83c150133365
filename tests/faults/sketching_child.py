"""What the kill tests run in a process of its own: sketching a library, until it kills itself."""

from dataclasses import replace
from pathlib import Path

import torch

from search.catalog.settings import SketchSettings
from search.catalog.store import Store
from sketch.drawing.presets import QUICK
from tasks.sketches import files as sketch_files
from tasks.sketches import library as sketch_library
from tasks.sketches import maker as sketch_maker
from tests.faults.tagging_child import deadly
from tests.tiny import tiny_backbone

# Each is a function's owner and name, its number of calls, and whether kill -9 comes before or
# after the last of them. A batch has two segments.
MOMENTS = {
    "at the first keyframes": (sketch_library.KeyframeReader, "read", 1, "before"),
    "before the first stroke": (sketch_maker.SketchMaker, "draw", 1, "before"),
    "drawn but not stored": (sketch_maker.SketchMaker, "draw", 1, "after"),
    "before the commit": (sketch_library, "store_sketches", 1, "after"),
    "before the pictures": (sketch_library, "write_usual_files", 1, "before"),
    "amid the pictures": (sketch_files, "_put_in_place", 1, "after"),
    "before a picture is in place": (sketch_files.os, "utime", 2, "after"),
    "at the last moment": (sketch_library, "drop_stale_files", 1, "before"),
}


def run(library: Path, moment: str | None = None) -> None:
    """Sketch in small batches; kill -9 comes at one of the MOMENTS."""
    torch.set_num_threads(1)
    sketch_library.BATCH = 2
    sketch_files._DRAFT_AGE_S = 0.0
    sketch_maker.preset_named = lambda _name: replace(QUICK, iterations=2)
    if moment is not None:
        owner, name, calls, side = MOMENTS[moment]
        setattr(owner, name, deadly(getattr(owner, name), calls, side))
    maker = sketch_maker.SketchMaker(tiny_backbone(), SketchSettings(strokes=3))
    with Store.open(library) as opened:
        sketch_library.LibrarySketcher(opened, maker).run()
