"""`kinodex models` lists what was compiled, and removes it."""

from pathlib import Path

import pytest

from models.clip.engines import cache
from tests.calling import call, said, shown_json


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


def put(key: str, **card: object) -> None:
    with cache.new_entry(key) as new:
        new.add("tower", bytes(2_000_000))
        new.finish(card)


def test_compiled_models_are_listed_with_what_they_are(folder, capsys):
    put("one", name="ViT-B-32 (openai)", precision="bfloat16", agreement=0.99995)
    assert call("models") == 0
    captured = capsys.readouterr()
    [name, _, *told] = captured.out.splitlines()[0].split("\t")
    assert (name, told) == ("ViT-B-32 (openai)", ["bfloat16", "0.999950", "2"])
    assert f"1 compiled model in {folder}, at most 10 GB" in captured.err


def test_a_model_that_stays_in_torch_says_why(folder, capsys):
    put("one", name="odd", refused="it cannot\x1b be converted")
    assert call("models") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split("\t")[2:] == ["torch", "it cannot\\x1b be converted", "2"]
    told = shown_json(capsys, "models")
    assert (told["model"], told["precision"], told["folder"]) == ("odd", None, str(folder / "one"))
    assert told["size_bytes"] > 2_000_000


def test_texts_that_models_have_read_are_counted_by_themselves(folder, capsys):
    put("one", name="ViT-B-32 (openai)", precision="bfloat16", agreement=0.99995)
    put("two", name="ViT-B-32 (openai)", texts_of="key", texts=6420)
    assert call("models") == 0
    captured = capsys.readouterr()
    [line] = [one for one in captured.out.splitlines() if "6420" in one]
    [name, _, *told] = line.split("\t")
    assert (name, told) == ("ViT-B-32 (openai)", ["", "6420 texts", "2"])
    assert f"1 compiled model and 1 list of read texts in {folder}" in captured.err
    assert call("models", "--clear") == 0
    assert said(capsys) == "1 compiled model and 1 list of read texts removed (4 MB)"


def test_all_are_removed_and_counted(folder, capsys):
    assert call("models", "--clear") == 0
    assert said(capsys) == "0 compiled models removed (0 MB)"
    put("one", name="odd", refused="so")
    put("two", name="odd", refused="so")
    told = shown_json(capsys, "models", "--clear")
    assert (told["removed"], told["size_bytes"] > 4_000_000) == (2, True)
    assert cache.entries() == []
