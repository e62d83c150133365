"""A compiled model is found again by who it is, and by what it was compiled with."""

from pathlib import Path

import pytest

from models.clip.engines import cache, keys
from models.clip.engines.keys import find_entry, key_of, note_choice, texts_key, versions
from models.identity import EncoderIdentity, ModelChoice

IDENTITY = EncoderIdentity("ViT-B-32", "abc", {"size": [32, 32], "mean": 0.5}, "def")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of which all is known that goes into a key."""
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    monkeypatch.setattr(keys, "processor_key", lambda: "a processor")
    monkeypatch.setattr(keys, "version", lambda package: f"{package} 1")


def test_keys_stay_from_one_release_to_the_next():
    """They change with the form of what is kept, and not by accident: all would be made anew."""
    assert key_of(IDENTITY, "auto") == "ce6a244cd4db3341d60d041a2795c5d1"
    assert texts_key(IDENTITY, "torch", "cpu", "float32") == "d3bccfc5a1cc33d5cfcbc44dc0f4f1d6"
    preprocessing = {"mean": 0.5, "size": [32, 32]}
    same = EncoderIdentity("ViT-B-32", "abc", preprocessing, "def")
    assert key_of(same, "auto") == key_of(IDENTITY, "auto")


def test_what_decides_what_a_compiled_model_gives_is_told(monkeypatch):
    assert versions() == {
        "open_clip_torch": "open_clip_torch 1",
        "timm": "timm 1",
        "torch": "torch 1",
        "openvino": "openvino 1",
        "processor": "a processor",
        "form": "2",
    }

    def missing(package: str) -> str:
        raise keys.PackageNotFoundError(package)

    monkeypatch.setattr(keys, "version", missing)
    assert versions()["openvino"] == "none"


def keep(key: str) -> None:
    with cache.new_entry(key) as entry:
        entry.finish({"of": key})


def found(choice: ModelChoice, precision: str, stored: EncoderIdentity | None) -> object:
    entry = find_entry(choice, precision, stored)
    return entry and entry.card["of"]


def test_a_choice_is_found_by_its_note_and_else_by_what_a_library_tells(tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"these")
    in_file = ModelChoice("ViT-B-32", weights=weights)
    named = ModelChoice("ViT-B-32", "random")
    told = key_of(IDENTITY, "auto")
    keep("noted")
    assert found(named, "auto", None) is None
    note_choice(named, "auto", "noted")
    note_choice(in_file, "auto", "noted")
    keep(told)
    assert [found(one, "auto", IDENTITY) for one in (named, in_file)] == ["noted", "noted"]
    for other in (ModelChoice("RN50", "random"), ModelChoice("ViT-B-32", "openai")):
        assert (found(other, "auto", None), found(other, "auto", IDENTITY)) == (None, told)
    assert (found(named, "float32", None), found(named, "float32", IDENTITY)) == (None, None)
    weights.write_bytes(b"others")
    assert found(in_file, "auto", IDENTITY) is None


def test_of_weights_that_lie_nowhere_nothing_is_noted(monkeypatch):
    monkeypatch.setattr("models.clip.sources.weight_files", lambda _: None)
    note_choice(ModelChoice("ViT-B-32", "openai"), "auto", "noted")
    keep("noted")
    assert found(ModelChoice("ViT-B-32", "openai"), "auto", None) is None
