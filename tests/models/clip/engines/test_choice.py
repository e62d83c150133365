"""Which engine computes is said by options, the environment, the device and what is installed."""

import pytest

from models.clip.engines import choice
from models.clip.engines.choice import EngineChoice, kind_of_device
from models.errors import KinodexError


def test_a_processor_has_openvino_and_other_devices_have_torch(monkeypatch):
    assert EngineChoice().name_for("cpu") == "openvino"
    assert [EngineChoice().name_for(kind) for kind in ("cuda", "mps")] == ["torch", "torch"]
    assert EngineChoice("torch").name_for("cpu") == "torch"
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    assert EngineChoice().name_for("cpu") == "torch"


def test_what_cannot_be_had_is_an_error(monkeypatch):
    with pytest.raises(KinodexError, match="openvino runs on a CPU, not on 'cuda'"):
        EngineChoice("openvino").name_for("cuda")
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    with pytest.raises(KinodexError, match="openvino is not installed: pip install openvino"):
        EngineChoice("openvino").name_for("cpu")


def test_int8_needs_what_makes_it_and_is_for_a_librarys_own_tower_only(monkeypatch):
    assert EngineChoice(precision="int8").plain_precision == "auto"
    assert EngineChoice(precision="float32").plain_precision == "float32"
    choice.require_nncf()
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    with pytest.raises(KinodexError) as caught:
        choice.require_nncf()
    assert str(caught.value) == "the precision int8 needs NNCF: pip install 'kinodex[int8]'"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("onnx", "auto"), "there is no engine 'onnx': say auto, torch, openvino"),
        (("auto", "int4"), "there is no precision 'int4': say auto, float32, bfloat16, int8"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_known(given, told):
    with pytest.raises(KinodexError) as caught:
        EngineChoice(*given)
    assert str(caught.value) == told


def test_the_environment_says_what_nobody_else_says(monkeypatch):
    monkeypatch.delenv("KINODEX_ENGINE", raising=False)
    monkeypatch.setenv("KINODEX_PRECISION", "")
    assert EngineChoice.from_environment() == EngineChoice("auto", "auto")
    monkeypatch.setenv("KINODEX_ENGINE", "torch")
    monkeypatch.setenv("KINODEX_PRECISION", "float32")
    assert EngineChoice.from_environment() == EngineChoice("torch", "float32")


def test_without_a_sign_of_a_graphics_card_torch_is_not_asked(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("models.clip.devices.find_device", asked.append)
    monkeypatch.setattr(choice, "_SIGNS_OF_A_GPU", (str(tmp_path / "none"),))
    monkeypatch.setattr("sys.platform", "linux")
    assert kind_of_device(None) == kind_of_device("cpu") == "cpu"
    assert asked == []


def test_a_device_that_is_named_or_shows_itself_is_looked_for(monkeypatch, tmp_path):
    card = tmp_path / "card"
    card.touch()
    monkeypatch.setattr(choice, "_SIGNS_OF_A_GPU", (str(card),))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    class Found:
        type = "cuda"

    monkeypatch.setattr("models.clip.devices.find_device", lambda _: Found)
    assert kind_of_device(None) == kind_of_device("cuda") == "cuda"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert kind_of_device(None) == "cpu"
