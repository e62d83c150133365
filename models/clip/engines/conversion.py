"""A PyTorch model to OpenVINO: traced, compiled for this processor, and compared with PyTorch."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.clip.engines.agreement import LEAST_AGREEMENT, agreement
from models.clip.engines.check_inputs import CHECK_TEXTS, check_pictures
from models.clip.engines.choice import AUTO, BFLOAT16, FLOAT32
from models.clip.engines.in_openvino import TEXT_PRECISION, compiled, has_bfloat16, run, text_inputs
from models.clip.engines.openvino_library import ov
from models.clip.preprocess import Preprocessing
from models.clip.text import cut_of, encode_forest, encode_tokens

# Multiplications and additions for a picture, from which on fewer digits are worth the trouble. A
# lighter tower takes less time than decoding the frame, and keeps all digits.
_WORTH_IT = 1e9
_TRACED = 2  # pictures and texts: with one, PyTorch writes the batch's size into the graph


class ConversionRefused(Exception):
    """A model that cannot be converted, or gives something else then. Says why."""


@dataclass(frozen=True)
class Converted:
    """A tower, compiled. agreement: its least cosine with PyTorch's embeddings of the same"""

    tower: ov.CompiledModel
    precision: str
    agreement: float


def convert_texts(model: Any, tokenize: Callable[[list[str]], np.ndarray]) -> Converted:
    """The text tower of an open_clip model, or of one with its interface, that lies on the CPU.

    Takes token ids, int64 (texts, tokens). Raises ConversionRefused.
    """
    ids, cut = tokenize(list(CHECK_TEXTS)), cut_of(model)
    # The last ones are the longest: what is read as a number while tracing must hold for all.
    traced = text_inputs(ids[-_TRACED:], cut)
    tower_in_torch = _Forests(model) if len(traced) > 1 else _Texts(model)
    graph = _graph(tower_in_torch, [torch.from_numpy(one) for one in traced])
    free = [[-1] * one.ndim for one in traced]
    if cut is None:
        free = [[-1, ids.shape[1]]]
    graph.reshape({place: ov.PartialShape(shape) for place, shape in enumerate(free)})
    tower = compiled(graph, TEXT_PRECISION)
    with torch.inference_mode():
        expected = encode_tokens(model, torch.from_numpy(ids)).float().numpy()
    agreed = agreement(run(tower, *text_inputs(ids, cut)), expected)
    if not agreed >= LEAST_AGREEMENT:
        raise ConversionRefused(f"its texts would agree to {agreed:.4f} only")
    return Converted(tower, TEXT_PRECISION, agreed)


def convert_pictures(model: Any, preprocessing: Preprocessing, asked: str) -> Converted:
    """The picture tower; takes uint8 pictures (n, height, width, 3).

    asked: the precision, or AUTO. float32 where another agrees too little

    Raises ConversionRefused.
    """
    shown = check_pictures(preprocessing.size)
    inputs = preprocessing.normalise(torch.from_numpy(shown).permute(0, 3, 1, 2)).contiguous()
    with torch.inference_mode():
        expected = model.encode_image(inputs).float().numpy()
    wished = _precision_for(model, inputs[:1]) if asked == AUTO else asked
    graph = picture_graph(model, preprocessing)
    agreed = 0.0
    for precision in dict.fromkeys((wished, FLOAT32)):
        tower = compiled(graph, precision)
        agreed = agreement(run(tower, shown), expected)
        if agreed >= LEAST_AGREEMENT:
            return Converted(tower, precision, agreed)
    raise ConversionRefused(f"its pictures would agree to {agreed:.4f} only")


def compiled_pictures(model: Any, preprocessing: Preprocessing, asked: str) -> ov.CompiledModel:
    """The same without comparing anything: to see how fast it is. Raises ConversionRefused."""
    example = torch.zeros((1, 3, *preprocessing.size))
    precision = _precision_for(model, example) if asked == AUTO else asked
    return compiled(picture_graph(model, preprocessing), precision)


def picture_graph(model: Any, preprocessing: Preprocessing) -> ov.Model:
    """The picture tower, not compiled; takes uint8 (n, height, width, 3), gives float32 (n, dim).

    Raises ConversionRefused.
    """
    shown = torch.from_numpy(check_pictures(preprocessing.size)[:_TRACED]).permute(0, 3, 1, 2)
    example = preprocessing.normalise(shown).contiguous()
    return _with_preprocessing(_graph(_Pictures(model), [example]), preprocessing)


def _precision_for(model: Any, picture: torch.Tensor) -> str:
    """bfloat16 where the processor has it and it pays."""
    if not has_bfloat16():
        return FLOAT32
    # The counter wants gradients where a layer has weights for its input.
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        model.encode_image(picture)
    return BFLOAT16 if counter.get_total_flops() >= _WORTH_IT else FLOAT32


class _Pictures(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        embeddings: torch.Tensor = self.model.encode_image(pictures)
        return embeddings.float()


class _Texts(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        embeddings: torch.Tensor = self.model.encode_text(token_ids)
        return embeddings.float()


class _Forests(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        token_ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        ends: torch.Tensor,
    ) -> torch.Tensor:
        return encode_forest(self.model, token_ids, positions, mask, ends).float()


def _with_preprocessing(graph: ov.Model, preprocessing: Preprocessing) -> ov.Model:
    """From uint8 (n, height, width, 3): normalising becomes a part of the graph."""
    graph.reshape(ov.PartialShape([-1, 3, *preprocessing.size]))
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    grey_levels = steps.input().preprocess().convert_element_type(ov.Type.f32)
    grey_levels.mean([255 * one for one in preprocessing.mean])
    grey_levels.scale([255 * one for one in preprocessing.std])
    return steps.build()


def _graph(tower: nn.Module, example: list[torch.Tensor]) -> ov.Model:
    """Raises ConversionRefused."""
    try:
        with _quiet_tracing(), torch.no_grad():
            traced = torch.jit.trace(tower.eval(), tuple(example), check_trace=False)
            return ov.convert_model(traced, example_input=tuple(example))
    except Exception as error:  # both libraries raise what they like
        raise ConversionRefused(f"it cannot be converted: {_first_line(error)}") from error


@contextlib.contextmanager
def _quiet_tracing() -> Iterator[None]:
    """Tracing without its warnings, and without PyTorch's joined operations, which it cannot name.

    How a model computes otherwise is as before afterwards.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        torch.backends.mha.set_fastpath_enabled(fast)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
