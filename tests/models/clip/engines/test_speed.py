"""How fast a machine is with a model is measured without its weights, and remembered."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from models.clip.engines import speed
from models.clip.engines.choice import EngineChoice
from models.clip.engines.conversion import ConversionRefused
from models.clip.engines.protocol import OutOfMemory
from models.clip.engines.speed import Speed

ASKED = EngineChoice()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_s = self.worked_s = 0.0
        monkeypatch.setattr(speed.time, "perf_counter", lambda: self.wall_s)
        monkeypatch.setattr(speed.time, "process_time", lambda: self.worked_s)
        monkeypatch.setattr(speed, "_processors", lambda: 2)

    def pass_s(self, wall_s: float, worked_s: float) -> None:
        self.wall_s += wall_s
        self.worked_s += worked_s


@pytest.mark.parametrize(("worked_s", "alone"), [(3.0, True), (2.9, False)])
def test_the_best_round_counts_and_others_work_is_noticed(worked_s, alone, monkeypatch):
    clock, shapes = Clock(monkeypatch), []
    rounds = iter([(9.0, 9.0), (0.5, worked_s / 3), (0.4, worked_s / 3), (1.1, worked_s / 3)])

    def pictures(shown: np.ndarray) -> np.ndarray:
        shapes.append((shown.shape, shown.dtype))
        clock.pass_s(*next(rounds))
        return shown

    assert speed.timed(pictures, (6, 4)) == Speed(pytest.approx(8 / 0.4), alone)
    assert set(shapes) == {((8, 6, 4, 3), np.dtype(np.uint8))}


def test_what_is_remembered_is_of_this_model_this_engine_and_this_device():
    speed.remember("A", ASKED, "cpu", Speed(12.345, alone=True))
    assert speed.remembered("A", ASKED, "cpu") == 12.3
    speed.remember("C", ASKED, "cpu", Speed(0.5, alone=True))
    assert speed.remembered("C", ASKED, "cpu") == 0.5
    for other in (
        ("B", ASKED, "cpu"),
        ("A", EngineChoice("torch"), "cpu"),
        ("A", EngineChoice("auto", "float32"), "cpu"),
        ("A", ASKED, "cuda"),
    ):
        assert speed.remembered(*other) is None


def test_a_library_of_its_own_precision_begins_with_the_usual_one():
    speed.remember("A", ASKED, "cpu", Speed(12.3, alone=True))
    assert speed.remembered("A", EngineChoice("auto", "int8"), "cpu") == 12.3


def test_with_other_libraries_or_another_processor_it_is_forgotten(monkeypatch):
    speed.remember("A", ASKED, "cpu", Speed(12.3, alone=True))
    monkeypatch.setattr(speed, "versions", lambda: {"processor": "another"})
    assert speed.remembered("A", ASKED, "cpu") is None


@pytest.mark.parametrize("kept", ["", "nan", "inf", "-3", "0", "much"])
def test_a_figure_that_is_none_is_measured_again(kept):
    speed.cache.remember(speed._subject("A", ASKED, "cpu"), kept, [], speed.versions())
    assert speed.remembered("A", ASKED, "cpu") is None


@pytest.mark.parametrize("alone", [True, False])
def test_what_is_measured_beside_other_work_is_not_kept(alone, monkeypatch):
    monkeypatch.setattr(speed, "_random_tower", lambda *_: (None, None))
    monkeypatch.setattr(speed, "timed", lambda *_: Speed(5.0, alone))
    assert speed.measured("A", ASKED, "cpu") == 5.0
    assert speed.remembered("A", ASKED, "cpu") == (5.0 if alone else None)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_tower_without_its_weights_computes_what_the_real_one_computes(engine, monkeypatch):
    pictures, size = speed._random_tower("RN50", EngineChoice(engine), "cpu")
    assert size == (224, 224)
    assert (pictures.__qualname__ == "TorchEngine.pictures") == (engine == "torch")
    embeddings = pictures(np.zeros((2, *size, 3), np.uint8))
    assert embeddings.shape == (2, 1024)
    assert np.isfinite(embeddings).all()


def refuse(*_: object) -> None:
    raise ConversionRefused("it cannot be converted")


def cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "models.clip.engines.in_openvino", None)


def cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed.cache, "is_writable", lambda: False)


def is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.clip.engines.conversion.compiled_pictures", refuse)


@pytest.mark.parametrize("trouble", [cannot_be_imported, cannot_be_kept, is_refused])
def test_where_a_model_would_run_in_torch_that_is_measured(trouble, monkeypatch):
    trouble(monkeypatch)
    pictures, _ = speed._random_tower("RN50", EngineChoice("openvino"), "cpu")
    assert pictures.__qualname__ == "TorchEngine.pictures"


def test_what_does_not_fit_into_memory_encodes_nothing(monkeypatch):
    def too_large(*_: object) -> Speed:
        raise OutOfMemory

    monkeypatch.setattr(speed, "_random_tower", lambda *_: (None, None))
    monkeypatch.setattr(speed, "timed", too_large)
    assert speed.measured("A", ASKED, "cuda") == 0.0
    assert speed.remembered("A", ASKED, "cuda") is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell")
def test_those_processors_count_that_this_process_may_use():
    assert speed._processors() == len(os.sched_getaffinity(0))
