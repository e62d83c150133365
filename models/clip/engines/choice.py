"""Which engine is meant, and which one that is here. Free of torch."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models.errors import KinodexError

AUTO = "auto"
TORCH = "torch"
OPENVINO = "openvino"
ENGINES = (AUTO, TORCH, OPENVINO)

FLOAT32 = "float32"
BFLOAT16 = "bfloat16"
INT8 = "int8"
PRECISIONS = (AUTO, FLOAT32, BFLOAT16, INT8)

ENGINE_VARIABLE = "KINODEX_ENGINE"
PRECISION_VARIABLE = "KINODEX_PRECISION"

# Where the driver of a graphics card shows itself; asking torch would cost a second.
_SIGNS_OF_A_GPU = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True)
class EngineChoice:
    """What was asked for.

    name: of ENGINES; precision: of PRECISIONS, what pictures are encoded in

    Raises KinodexError for any others.
    """

    name: str = AUTO
    precision: str = AUTO

    def __post_init__(self) -> None:
        for what, given, known in (
            ("engine", self.name, ENGINES),
            ("precision", self.precision, PRECISIONS),
        ):
            if given not in known:
                raise KinodexError(f"there is no {what} {given!r}: say {', '.join(known)}")

    @property
    def plain_precision(self) -> str:
        """What a model is computed in as it is: a picture tower in int8 belongs to a library."""
        return AUTO if self.precision == INT8 else self.precision

    @classmethod
    def from_environment(cls) -> "EngineChoice":
        """What environment variables say; else what suits the machine. Raises KinodexError."""
        name, precision = (
            os.environ.get(variable) or AUTO for variable in (ENGINE_VARIABLE, PRECISION_VARIABLE)
        )
        return cls(name, precision)

    def name_for(self, device: str) -> str:
        """The engine for a kind of device: OpenVINO on a CPU where it is installed.

        Raises KinodexError for OpenVINO elsewhere.
        """
        if self.name == TORCH:
            return TORCH
        installed = find_spec("openvino") is not None
        if self.name == OPENVINO:
            if device != "cpu":
                raise KinodexError(f"the engine {OPENVINO} runs on a CPU, not on {device!r}")
            if not installed:
                raise KinodexError(
                    f"the engine {OPENVINO} is not installed: pip install {OPENVINO}"
                )
        return OPENVINO if device == "cpu" and installed else TORCH


def require_nncf() -> None:
    """Raise KinodexError where what makes towers in int8 is not installed."""
    if find_spec("nncf") is None:
        raise KinodexError("the precision int8 needs NNCF: pip install 'kinodex[int8]'")


def kind_of_device(name: str | None) -> str:
    """The kind of device that is meant: "cpu", or what torch finds or was asked for.

    Raises KinodexError for a device that this machine does not have.
    """
    if name == "cpu" or (name is None and not _may_have_gpu()):
        return "cpu"
    from models.clip.devices import find_device

    return find_device(name).type


def _may_have_gpu() -> bool:
    if sys.platform == "linux":
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        return not hidden and any(Path(sign).exists() for sign in _SIGNS_OF_A_GPU)
    return True
