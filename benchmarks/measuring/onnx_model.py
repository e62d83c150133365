"""A model in ONNX Runtime: what somebody would write today who wants speed without a project."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch


class OnnxPictures:
    """The picture tower of an open_clip model; float32 (n, 3, height, width) to embeddings."""

    def __init__(self, model: Any, size: tuple[int, int]) -> None:
        import onnxruntime

        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # an operation that ONNX has no name for
        try:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                file = Path(folder) / "model.onnx"
                torch.onnx.export(
                    model.visual,
                    (torch.zeros(2, 3, *size),),
                    str(file),
                    input_names=["pictures"],
                    dynamic_axes={"pictures": {0: "count"}},
                    dynamo=False,
                )
                self._session = onnxruntime.InferenceSession(
                    str(file), providers=["CPUExecutionProvider"]
                )
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        return np.asarray(self._session.run(None, {"pictures": pictures})[0])
