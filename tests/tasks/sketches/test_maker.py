"""How targets are drawn together: as many as fit, by settings that go together."""

import threading

import numpy as np
import pytest
import torch

from models.errors import KinodexError
from models.identity import ModelChoice
from search.catalog.settings import SketchSettings
from sketch.canvas import Target, on_canvas
from tasks.sketches.maker import SketchMaker
from tests.tiny import tiny_backbone


def targets(count: int) -> list[Target]:
    return [Target.unmasked(*on_canvas(np.full((8, 8, 3), 10 * n, np.uint8))) for n in range(count)]


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> tuple[SketchMaker, list[int]]:
    """A maker for which two targets are one too many, and how many it was asked to draw."""
    maker = SketchMaker(tiny_backbone(), SketchSettings())
    asked: list[int] = []

    def draw(some, **_: object):
        asked.append(len(some))
        if len(some) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return [float(one.picture.mean()) for one in some]

    monkeypatch.setattr(maker.artist, "draw", draw)
    return maker, asked


def test_what_does_not_fit_is_drawn_in_halves_in_its_order(maker):
    maker, asked = maker
    some = targets(3)
    drawn = maker.draw(some, stop=threading.Event())
    assert drawn == [float(one.picture.mean()) for one in some]
    assert asked == [3, 1, 2, 1, 1]


def test_a_model_too_large_for_a_single_target_says_so(monkeypatch):
    maker = SketchMaker(tiny_backbone(), SketchSettings())

    def draw(*_: object, **__: object):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(maker.artist, "draw", draw)
    with pytest.raises(KinodexError, match="does not fit into the memory of cpu: choose a smaller"):
        maker.draw(targets(2), stop=threading.Event())


def test_a_scene_is_not_drawn_stroke_after_stroke():
    with pytest.raises(KinodexError, match="take scene or progressive, not both"):
        SketchMaker(tiny_backbone(), SketchSettings(scene=True, progressive=True))
    for settings in (SketchSettings(scene=True), SketchSettings(progressive=True)):
        assert SketchMaker(tiny_backbone(), settings).settings == settings


def test_a_model_is_taken_to_read_the_words_of_tags_unless_it_is_said():
    for how, reads in (({}, True), ({"reads_words": False}, False)):
        assert SketchMaker(tiny_backbone(), SketchSettings(), **how).reads_words is reads


@pytest.mark.parametrize(("mask", "weighs"), [("auto", True), ("none", False), ("rembg", False)])
def test_only_the_usual_mask_weighs_motion_and_tags(mask, weighs):
    assert SketchMaker(tiny_backbone(), SketchSettings(mask=mask)).weighs_evidence is weighs


@pytest.mark.parametrize(
    ("pretrained", "preset", "guides"),
    [
        ("openai", "quick", True),
        ("laion2b_s34b_b79k", "quick", False),
        (None, "quick", False),
        (None, "paper", True),
    ],
)
def test_models_move_strokes_where_that_is_known_to_help_or_was_asked_for(
    pretrained, preset, guides
):
    backbone = tiny_backbone()
    backbone.choice = ModelChoice("tiny", pretrained)
    assert SketchMaker(backbone, SketchSettings(preset=preset)).artist.guided is guides


def test_a_recipe_is_of_what_changes_a_sketch_alone():
    backbone = tiny_backbone()
    recipe = SketchMaker(backbone, SketchSettings()).recipe
    assert SketchMaker(backbone, SketchSettings(after_indexing=True)).recipe == recipe
    assert SketchMaker(backbone, SketchSettings(seed=1)).recipe != recipe
    assert SketchMaker(backbone, SketchSettings(strokes=4)).recipe != recipe
