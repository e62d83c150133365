"""A picture tower in int8, made of a model in PyTorch by NNCF and by some frames of its user's."""

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.clip.engines.conversion import picture_graph
from models.clip.engines.openvino_library import ov
from models.clip.preprocess import Preprocessing


def quantised(model: Any, preprocessing: Preprocessing, batches: Sequence[np.ndarray]) -> ov.Model:
    """The picture tower of an open_clip model with its products in int8.

    batches: uint8 pictures of the model's size, (n, height, width, 3) each, to calibrate it by

    Raises ConversionRefused.
    """
    graph = picture_graph(model, preprocessing)
    with _quietly():
        import nncf

        kind = nncf.ModelType.TRANSFORMER if _is_transformer(graph) else None
        examples = nncf.Dataset(list(batches))
        return nncf.quantize(graph, examples, model_type=kind, subset_size=len(batches))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """NNCF without its bars and remarks, which it writes to stdout: that is for data.

    It also changes how all of the program logs as it is imported.
    """
    kind = logging.getLoggerClass()
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
        logging.setLoggerClass(kind)


def _is_transformer(graph: ov.Model) -> bool:
    """Whether most of its products are of matrices: it then wants its outliers smoothed."""
    kinds = [operation.get_type_name() for operation in graph.get_ops()]
    return kinds.count("MatMul") > kinds.count("Convolution")
