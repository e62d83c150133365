"""`kinodex models` lists what was compiled, and removes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.clip.engines import cache, speed
from models.clip.engines.choice import EngineChoice
from tests.calling import call, said, shown_json


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


def rows(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """What `kinodex models` tells programs."""
    capsys.readouterr()
    assert call("models", "--json", *options) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def put(key: str, **card: object) -> None:
    with cache.new_entry(key) as new:
        new.add("tower", bytes(2_000_000))
        new.finish(card)


def test_compiled_models_are_listed_with_what_they_are(folder, capsys):
    put("one", name="ViT-B-32 (openai)", precision="bfloat16", agreement=0.99995)
    assert call("models") == 0
    captured = capsys.readouterr()
    [name, model, *told, _] = captured.out.splitlines()[-1].split("\t")
    assert (name, model) == ("", "ViT-B-32 (openai)")
    assert told == ["", "bfloat16", "0.999950", "2"]
    assert f"1 compiled model in {folder}, at most 10 GB" in captured.err


def test_a_model_that_stays_in_torch_says_why(folder, capsys):
    put("one", name="odd", refused="it cannot\x1b be converted")
    assert call("models") == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split("\t")[1:6] == ["odd", "", "torch: it cannot\\x1b be converted", "", "2"]
    told = rows(capsys)[-1]
    assert (told["model"], told["precision"], told["folder"]) == ("odd", None, str(folder / "one"))
    assert told["size_bytes"] > 2_000_000


def test_texts_that_models_have_read_are_counted_by_themselves(folder, capsys):
    put("one", name="ViT-B-32 (openai)", precision="bfloat16", agreement=0.99995)
    put("two", name="ViT-B-32 (openai)", texts_of="key", texts=6420)
    assert call("models") == 0
    captured = capsys.readouterr()
    [line] = [one for one in captured.out.splitlines() if "6420" in one]
    assert line.split("\t")[:-1] == ["", "ViT-B-32 (openai)", "", "6420 texts", "", "2"]
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


def test_names_come_first_with_what_they_stand_for_here(folder, capsys):
    put("one", name="odd", precision="float32", agreement=0.99999)
    put("two", name="PE-Core-B-16 (meta)", precision="bfloat16", agreement=0.9995)
    speed.remember("PE-Core-B-16", EngineChoice(), "cpu", speed.Speed(17.0, alone=True))
    told = rows(capsys)
    assert [(row["name"], row["model"], row["frames_per_s"]) for row in told] == [
        ("fast", "ViT-B-32 (laion2b_s34b_b79k)", None),
        ("good", "PE-Core-B-16 (meta)", 17.0),
        ("best", "PE-Core-L-14-336 (meta)", None),
        (None, "odd", None),
    ]
    assert [row["size_bytes"] > 0 for row in told] == [False, True, False, True]
    assert call("models") == 0
    captured = capsys.readouterr()
    good = captured.out.splitlines()[1].split("\t")
    assert good[:-1] == ["good", "PE-Core-B-16 (meta)", "8.5", "bfloat16", "0.999500", "2"]
    assert captured.out.splitlines()[0].split("\t")[2:] == ["", "not yet", "", "", ""]
    assert "2 compiled models" in captured.err
    assert "kinodex models --measure" in captured.err


def test_all_that_have_names_are_measured_on_request(folder, capsys, monkeypatch):
    measured = []

    def measure(name: str, asked: EngineChoice, device: str) -> float:
        speed.remember(name, asked, device, speed.Speed(30.0, alone=True))
        measured.append((name, device))
        return 30.0

    monkeypatch.setattr("tasks.models.speed.measured", measure)
    assert [row["frames_per_s"] for row in rows(capsys, "--measure")] == [30.0] * 3
    assert measured == [("ViT-B-32", "cpu"), ("PE-Core-B-16", "cpu"), ("PE-Core-L-14-336", "cpu")]
    assert call("models") == 0
    assert "--measure" not in capsys.readouterr().err
