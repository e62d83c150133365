"""A model is trusted only if it knows photographs, and its engine agrees with PyTorch."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from models.clip.engines import speed
from models.clip.engines.choice import EngineChoice
from tasks import model_check
from tasks.model_check import Checked
from tests.calling import call, shown_json

CHECKED = Checked("a model", "openvino", "bfloat16", 12, 12, 11, 0.9996, 17.4, 5.04)


def test_what_knows_three_in_four_and_agrees_is_trusted():
    assert CHECKED.trusted
    assert replace(CHECKED, found=9, named=9, agreement=0.999).trusted
    assert replace(CHECKED, agreement=None).trusted
    assert not replace(CHECKED, found=8).trusted
    assert not replace(CHECKED, named=8).trusted
    assert not replace(CHECKED, agreement=0.9989).trusted
    assert not replace(CHECKED, agreement=float("nan")).trusted


def test_it_is_said_in_a_line_with_what_was_seen():
    assert model_check._sentence(CHECKED) == (
        "a model can be trusted: it finds 12 of 12 photographs by their words and names 11 of 12; "
        "openvino in bfloat16, agrees with PyTorch to 0.99960; 17 frames a second, 8.7 hours of "
        "video an hour; a text takes 5.0 ms"
    )
    in_torch = replace(CHECKED, engine="torch", precision="float32", found=2, agreement=None)
    assert model_check._sentence(in_torch).startswith("a model cannot be trusted: it finds 2 of")
    assert "agrees" not in model_check._sentence(in_torch)


def test_an_engine_that_gives_something_else_altogether_is_told_so():
    told = model_check._sentence(replace(CHECKED, agreement=0.0))
    assert "cannot be trusted" in told
    assert "agrees with PyTorch to 0.00000" in told


def test_texts_are_timed_one_by_one_and_none_twice(monkeypatch):
    read: list[str] = []
    clock = iter([0.0, 0.9, 1.0, 1.002, 2.0, 2.003])
    monkeypatch.setattr(model_check, "perf_counter", lambda: next(clock))
    backbone = SimpleNamespace(text_arrays=read.extend)
    assert model_check._text_ms(backbone, ["a", "b", "c"]) == pytest.approx(3.0)
    assert read == ["a, seen once more", "b, seen once more", "c, seen once more"]


def test_both_directions_of_a_search_are_counted():
    seen = np.array([[1.0, 0, 0], [0, 2, 0.5], [0, 1, 1]])
    texts = np.array([[3.0, 0.1, 0], [0, 1, 0], [0, 4, 0.1]])
    # The third picture is nearest to none of its words, and its words are nearest to the second.
    assert model_check._right(seen, texts) == (2, 2)
    assert model_check._right(seen[[1, 0, 2]], texts) == (0, 1)


@pytest.mark.parametrize(
    ("model", "code", "least", "most"), [("imagenet", 0, 9, 12), ("bundled", 1, 0, 4)]
)
def test_imagenet_knows_photographs_and_the_bundled_model_does_not(
    model, code, least, most, capsys
):
    told = shown_json(capsys, "models", "check", model, code=code)
    assert told["trusted"] is (code == 0)
    assert least <= min(told["found"], told["named"]) <= most
    assert (told["model"], told["photographs"], told["engine"]) == (model, 12, "openvino")
    assert told["agreement"] > 0.9999
    assert told["frames_per_s"] > 0 < told["text_ms"]
    assert told["hours_an_hour"] == pytest.approx(told["frames_per_s"] / 2, abs=0.5)


def test_in_torch_there_is_nothing_to_agree_with(capsys):
    told = shown_json(capsys, "models", "check", "bundled", "--engine", "torch", code=1)
    assert (told["engine"], told["agreement"]) == ("torch", None)


@pytest.mark.parametrize("alone", [True, False])
def test_the_speed_that_was_seen_is_remembered_if_nothing_else_ran(alone, capsys, monkeypatch):
    seen = speed.Speed(34.0, alone)
    monkeypatch.setattr(speed, "timed", lambda *_: seen)
    kept = []
    monkeypatch.setattr(speed, "remember", lambda *told: kept.append(told))
    told = shown_json(capsys, "models", "check", "bundled", "--engine", "torch", code=1)
    assert (told["frames_per_s"], told["hours_an_hour"]) == (34.0, 17.0)
    assert kept == ([("bundled", EngineChoice("torch"), "cpu", seen)] if alone else [])


def test_photographs_that_are_missing_are_named(capsys, monkeypatch):
    monkeypatch.setattr(model_check, "are_at_hand", lambda: False)
    assert call("models", "check", "bundled") == 1
    assert "pip install 'kinodex[imagenet,photographs]'" in capsys.readouterr().err


def test_a_model_that_there_is_none_of_is_an_error(capsys):
    assert call("models", "check", "PE-Core-B-17") == 1
    assert "did you mean PE-Core-B-16" in capsys.readouterr().err
