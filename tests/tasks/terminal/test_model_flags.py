"""Which model is meant by what was typed."""

from pathlib import Path
from typing import Any

import pytest

from models.clip.engines.choice import EngineChoice
from models.clip.engines.int8 import Int8Tower
from models.identity import BUNDLED, ModelChoice
from search.catalog.store import EmptyLibrary, Store
from tasks.terminal import model_flags
from tasks.terminal.model_flags import ModelFlags, indexed_space, space_of

USUAL = ModelChoice("ViT-B-32", "laion2b_s34b_b79k")
OTHER = ModelChoice("ViT-B-32", "openai")


@pytest.fixture(autouse=True)
def no_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_flags, "_usual", lambda _device: USUAL)


def test_nothing_typed_asks_for_nothing():
    flags = ModelFlags(device="cpu")
    assert flags.choice(None) is None
    assert flags.choice(OTHER) is None
    assert flags.over(OTHER) == OTHER
    assert flags.text_tower_over(OTHER) is None
    assert flags.or_usual() == USUAL


def test_the_bare_name_of_the_librarys_model_means_exactly_that_one():
    assert ModelFlags("ViT-B-32").choice(OTHER) == OTHER
    assert ModelFlags("ViT-B-32").choice(None) == USUAL
    assert ModelFlags(BUNDLED).choice(OTHER) == ModelChoice(BUNDLED)
    assert ModelFlags(BUNDLED).over(OTHER) == ModelChoice(BUNDLED)
    assert ModelFlags(BUNDLED).or_usual() == ModelChoice(BUNDLED)


def test_other_weights_are_those_of_the_librarys_model_or_of_the_usual_one():
    typed = ModelFlags(pretrained="openai")
    assert typed.choice(USUAL) == OTHER
    assert typed.choice(None) == OTHER
    assert ModelFlags("ViT-B-32", "openai").choice(USUAL) == OTHER


def test_another_text_tower_of_a_bare_name_has_the_names_own_weights():
    assert ModelFlags("ViT-B-32").text_tower_over(OTHER) == USUAL
    assert ModelFlags(pretrained="laion2b_s34b_b79k").text_tower_over(OTHER) == USUAL


def test_a_library_that_was_never_indexed_has_no_space(tmp_path):
    with Store.open(tmp_path, create=True) as library:
        assert space_of(library) is None
        with pytest.raises(EmptyLibrary):
            indexed_space(library)


def test_a_library_that_was_indexed_has_its_space(tmp_path, monkeypatch):
    space = object()
    monkeypatch.setattr(model_flags, "active_space", lambda _session: space)
    with Store.open(tmp_path, create=True) as library:
        assert space_of(library) is space
        assert indexed_space(library) is space


def test_a_model_is_loaded_with_word_of_it(monkeypatch):
    asked: list[tuple[object, ...]] = []

    def load_backbone(choice: ModelChoice, *, device: str | None, engine: EngineChoice,
                      stored: object, tower: object, talk: object) -> str:  # fmt: skip
        asked.append((choice, device, engine, stored, tower, talk))
        return "backbone"

    monkeypatch.setattr("models.clip.backbone.load_backbone", load_backbone)
    monkeypatch.setenv("KINODEX_ENGINE", "torch")
    assert model_flags.load_talking(OTHER, ModelFlags(device="cpu")) == "backbone"
    flags = ModelFlags(engine="openvino", precision="float32")
    identity: Any = object()
    tower = Int8Tower(Path("/x"), "digest")
    model_flags.load_talking(OTHER, flags, stored=identity, tower=tower, talk=print)
    assert asked == [
        (OTHER, "cpu", EngineChoice("torch"), None, None, model_flags.talk),
        (OTHER, None, EngineChoice("openvino", "float32"), identity, tower, print),
    ]
