"""Who names no model gets the good one where it is quick enough."""

import pytest

from models.clip import usual
from models.clip.engines.choice import EngineChoice
from models.clip.usual import hours_an_hour, usual_choice
from models.identity import ModelChoice

GOOD, FAST = ModelChoice("PE-Core-B-16", "meta"), ModelChoice("ViT-B-32", "laion2b_s34b_b79k")


@pytest.mark.parametrize(
    ("frames_per_s", "name", "choice"), [(10.0, "good", GOOD), (9.8, "fast", FAST)]
)
def test_five_hours_of_video_an_hour_are_quick_enough(frames_per_s, name, choice, monkeypatch):
    asked = []
    monkeypatch.setattr(usual.speed, "remembered", lambda *of: asked.append(of) or frames_per_s)
    found = usual_choice("cpu", EngineChoice("torch"), pytest.fail)
    assert (found.name, found.choice, found.frames_per_s) == (name, choice, frames_per_s)
    assert asked == [("PE-Core-B-16", EngineChoice("torch"), "cpu")]


def test_a_machine_that_is_not_known_is_measured_which_is_said(monkeypatch):
    told, asked = [], []
    monkeypatch.setattr(usual.speed, "remembered", lambda *_: None)
    monkeypatch.setattr(usual.speed, "measured", lambda *of: asked.append(of) or 3.0)
    found = usual_choice("cuda", EngineChoice(), told.append)
    assert (found.choice.name, found.hours_an_hour) == ("PE-Core-B-16", 1.5)
    assert asked == [("PE-Core-L-14-336", EngineChoice(), "cuda")]
    assert told == ["measuring how fast this machine encodes pictures"]


def test_hours_are_told_as_exactly_as_they_are_known():
    assert [hours_an_hour(one) for one in (8.46, 17.0, 19.8, 24.6, 440.7)] == [
        *(4.2, 8.5, 9.9, 12, 220)
    ]
