"""No limit is a secret: it is a setting, or a row of the guide's table, or nobody can meet it."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROWS = (PROJECT / "docs" / "guide.md").read_text().split("### Limits")[1].split("\n## ")[0]
NAMED_LIKE_LIMITS = re.compile(r"(^|_)(MOST|MAX|LONGEST|LARGEST|LIMIT|KEPT)(_|$)")
FLOORS = ("search", "indexer", "tasks", "ui", "models", "sketch", "kinodex")

# What the guide says, by the constant that keeps it.
TOLD = {
    "search.catalog.settings._MOST_BYTES": "100,000 bytes",
    "search.catalog.settings._LONGEST_LINE": "10,000 characters in a line",
    "search.tags.vocabulary.MAX_LABELS": "10,000 labels",
    "search.tags.vocabulary.MAX_LABEL_CHARACTERS": "200 characters each",
    "search.queries.language._WEIGHT_MOST": "a weight in a query | 100 |",
    "search.queries.pictures.MOST_PIXELS": "45,000,000 pixels",
    "search.queries.pictures.MOST_JPEG_PIXELS": "120,000,000 in a JPEG",
    "search.export.edits.MOST_EVENTS": "999",
    "ui.web.search.picture_route.LARGEST_MB": "40 MB on the page",
    "ui.web.shared.address.LONGEST_QUERY": "500 characters",
    "ui.web.shared.address.MOST_JUDGED": "20 judged results",
    "ui.web.shared.address.LONGEST_DRAWING": "a drawing of 4,000 characters",
    "ui.web.tags.own_lists.LONGEST_TEXT": "100,000 characters, 40",
    "ui.web.tags.own_lists.LONGEST_NAME": "40 in its name",
    "ui.web.tags.own_lists._MOST_OF_ONE_NAME": "100 lists of one name",
    "ui.web.jobs.queue._MOST_WAITING": "works that wait on the page | 20 |",
    "ui.web.search.kept_pictures._KEPT": "500; older ones are forgotten",
    "ui.cli.sketch._MOST_STROKES": "strokes of a sketch | 64 |",
    "sketch.drawing.artist.MOST_STROKES": "strokes of a sketch | 64 |",
    "sketch.formats.png._LARGEST": "8,192 pixels",
    "tasks.clips.playing._CLIPS_KEPT": "200 of 30 seconds",
    "tasks.clips.playing._LONGEST_S": "30 seconds",
    "tasks.evaluation.confusion._MOST_LABELS": "750",
}
# Nobody who means well is refused anything by these: they size what is kept in memory or shown, cut
# a name, or bound what a file of ours or a page of ours may hold.
INNER = frozenset(
    (
        "indexer.datasets.captions.pickled._LARGEST_BITS",
        "indexer.datasets.captions.pickled._MOST_CHARACTERS",
        "indexer.reading.clock._MOST_WAITING",
        "indexer.reading.demuxing._MOST_WAITING_BYTES",
        "indexer.reading.shots._LARGEST_SHIFT",
        "indexer.reading.shots._MOST",
        "indexer.reading.streams._MOST_WAITING_BYTES",
        "indexer.reading.worker_process._M_ARENA_MAX",
        "models.files._LETTERS_KEPT",
        "models.heads.card._LARGEST_LOGIT_SCALE",
        "models.heads.card._MOST",
        "models.heads.config._MOST_BLOCKS",
        "models.training.losses.LARGEST_LOGIT_SCALE",
        "search.catalog.soundness._MOST_PAGES_TOLD",
        "search.finding.engine._MERGED_AT_MOST",
        "search.tags.vocabulary._MAX_FILE_BYTES",
        "search.upkeep.archive._MOST_ABOUT_BYTES",
        "search.vectors.devices.GPU_MAX_RESULTS",
        "search.vectors.storage.MANIFEST_MAX_BYTES",
        "sketch.drawing.scene._MOST_INSIDE",
        "sketch.drawing.views._GRIDS_KEPT",
        "sketch.edges.ellipses._MOST_ARCS",
        "sketch.edges.ellipses._MOST_RINGS",
        "sketch.edges.pieces._LONGEST_PX",
        "sketch.formats.contact_sheet._LONGEST_CAPTION",
        "sketch.formats.svg._LONGEST_S",
        "sketch.raster.nearest._MOST_SAMPLES",
        "tasks.clips.copying._MOST_UNTIMED",
        "tasks.clips.naming._LONGEST_NAME_BYTES",
        "tasks.evaluation.confusion._LONGEST_NAME",
        "tasks.export._LONGEST_STEM_BYTES",
        "tasks.sketches.animation._MOST_KEYFRAMES",
        "tasks.sketches.targets._MOST_FRAMES",
        "tasks.training.run._MOST_VALIDATIONS",
        "ui.web.gate.connections._KEPT_BY_SYSTEM",
        "ui.web.gate.layer._LONGEST_FORM_BYTES",
        "ui.web.jobs.queue._LINES_KEPT",
        "ui.web.jobs.queue._LONGEST_LINE",
        "ui.web.search.picture_route._LARGEST_BYTES",
        "ui.web.server._LONGEST_MESSAGE_BYTES",
        "ui.web.shared.pictures._TILES_KEPT",
        "ui.web.uploads.seats._WAITS_AT_MOST_S",
        "ui.web.uploads.storing._LONGEST_NAME_BYTES",
    )
)


def limits() -> Iterator[str]:
    """The constants of all modules whose names are those of limits."""
    for floor in FLOORS:
        for file in sorted((PROJECT / floor).rglob("*.py")):
            module = ".".join(file.relative_to(PROJECT).with_suffix("").parts)
            for one in ast.parse(file.read_text()).body:
                targets = one.targets if isinstance(one, ast.Assign) else []
                targets += [one.target] if isinstance(one, ast.AnnAssign) else []
                for name in (target.id for target in targets if isinstance(target, ast.Name)):
                    if name.isupper() and NAMED_LIKE_LIMITS.search(name):
                        yield f"{module}.{name}"


def test_no_limit_is_forgotten():
    forgotten = set(limits()) - TOLD.keys() - INNER
    assert not forgotten, "say them in the guide's 'Limits', or here why nobody meets them"


@pytest.mark.parametrize("name", TOLD)
def test_the_guide_has_the_limit_that_the_program_keeps(name):
    module, _, constant = name.rpartition(".")
    value = getattr(importlib.import_module(module), constant)
    assert TOLD[name] in ROWS
    assert f"{value:,.0f}" in TOLD[name]
