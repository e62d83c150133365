"""How many frames a second this machine encodes with a model, known without its weights."""

import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.clip.engines import cache
from models.clip.engines.check_inputs import check_pictures
from models.clip.engines.choice import OPENVINO, EngineChoice
from models.clip.engines.keys import versions
from models.clip.engines.protocol import OutOfMemory
from models.clip.preprocess import Preprocessing

Pictures = Callable[[np.ndarray], np.ndarray]

_AT_ONCE = 8
_ROUNDS = 3
# Of what its processors could have given in the time, a run alone on its machine gets nearly all.
_ALONE = 0.75


@dataclass(frozen=True)
class Speed:
    """frames_per_s: at best; alone: whether nothing else was computed here meanwhile"""

    frames_per_s: float
    alone: bool


def remembered(architecture: str, asked: EngineChoice, device: str) -> float | None:
    """Frames a second that were measured on this machine before; None for none. Free of torch."""
    kept = cache.recall(_subject(architecture, asked, device), versions())
    with contextlib.suppress(TypeError, ValueError):
        frames_per_s = float(kept or "")
        return frames_per_s if 0 < frames_per_s < math.inf else None
    return None


def measured(architecture: str, asked: EngineChoice, device: str) -> float:
    """Frames a second with a picture tower of this open_clip name; its weights are random.

    It takes some seconds. What was measured beside other work is not remembered. 0 for a model that
    does not fit into the device's memory.
    """
    try:
        speed = timed(*_random_tower(architecture, asked, device))
    except OutOfMemory:
        return 0.0
    if speed.alone:
        remember(architecture, asked, device, speed)
    return speed.frames_per_s


def remember(architecture: str, asked: EngineChoice, device: str, speed: Speed) -> None:
    """Keep it for the next time, beside the compiled models."""
    subject = _subject(architecture, asked, device)
    cache.remember(subject, f"{speed.frames_per_s:.3g}", [], versions())


def timed(pictures: Pictures, size: tuple[int, int]) -> Speed:
    """The best of a few rounds. size: height and width of a picture, in pixels"""
    shown = check_pictures(size)[:_AT_ONCE]
    pictures(shown)  # what is set up at the first time is set up once
    began_s, worked_s = time.perf_counter(), time.process_time()
    best_s = math.inf
    for _ in range(_ROUNDS):
        round_s = time.perf_counter()
        pictures(shown)
        best_s = min(best_s, time.perf_counter() - round_s)
    took_s, worked_s = time.perf_counter() - began_s, time.process_time() - worked_s
    return Speed(_AT_ONCE / best_s, alone=worked_s >= _ALONE * took_s * _processors())


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _subject(architecture: str, asked: EngineChoice, device: str) -> str:
    engine = asked.name_for(device)
    return json.dumps(["speed", architecture, engine, asked.plain_precision, device])


def _random_tower(
    architecture: str, asked: EngineChoice, device: str
) -> tuple[Pictures, tuple[int, int]]:
    """A picture tower that computes as the real one would, and the size of its pictures."""
    from models.clip.sources import UntrainedPictures

    model = UntrainedPictures(architecture)
    preprocessing = Preprocessing.from_config(model.preprocessing)
    pictures = None
    if asked.name_for(device) == OPENVINO:
        pictures = _in_openvino(model, preprocessing, asked.plain_precision)
    return pictures or _in_torch(model, preprocessing, device), preprocessing.size


def _in_openvino(model: Any, preprocessing: Preprocessing, precision: str) -> Pictures | None:
    """None where the model itself would run in PyTorch: see `models.clip.backbone`."""
    if not cache.is_writable():
        return None
    try:
        from models.clip.engines import conversion
        from models.clip.engines.in_openvino import run
    except (ImportError, OSError):  # a wheel that does not fit this machine
        return None
    try:
        tower = conversion.compiled_pictures(model, preprocessing, precision)
    except conversion.ConversionRefused:
        return None
    return lambda shown: run(tower, shown)


def _in_torch(model: Any, preprocessing: Preprocessing, device: str) -> Pictures:
    import torch

    from models.clip.engines.in_torch import TorchEngine

    return TorchEngine(model, preprocessing, torch.device(device)).pictures
