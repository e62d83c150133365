"""PyTorch as the engine: any device, and the only one that trains or opens hidden layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from models.clip.engines.choice import BFLOAT16, FLOAT32, TORCH
from models.clip.engines.protocol import OutOfMemory
from models.clip.engines.text_batches import by_length, in_order
from models.clip.preprocess import Preprocessing
from models.clip.text import cut_of, encode_tokens, lengths_of

# On a CPU larger batches gain nothing and cost memory; a GPU wants enough to fill it.
_BATCH_SIZE = {"cpu": 32, "mps": 64, "cuda": 256}
# Of texts, in tokens: the widest layer of their blocks takes 40 MB for 2,560.
_TOKENS_AT_ONCE = {"cpu": 2560, "mps": 5120, "cuda": 20480}


class TorchEngine:
    """An open_clip model on a device. On CUDA it computes in bfloat16 where that is safe."""

    name = TORCH

    def __init__(self, model: Any, preprocessing: Preprocessing, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.batch_size = _BATCH_SIZE[device.type]
        self.precision = BFLOAT16 if device.type == "cuda" else FLOAT32
        self.pads_texts = cut_of(model) is None
        self._preprocessing = preprocessing

    @torch.inference_mode()
    def pictures(self, pictures: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        try:
            rows = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)
            with self._autocast():
                embeddings = self.model.encode_image(self._preprocessing.normalise(rows))
            return _as_array(embeddings)
        except torch.OutOfMemoryError as error:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemory from error

    def tokens(self, token_ids: np.ndarray) -> np.ndarray:
        """As of `Engine`."""
        return in_order(self.many_texts(token_ids, precision=self.precision), len(token_ids))

    def many_texts(
        self, token_ids: np.ndarray, *, precision: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """As of `Engine`."""
        lengths = lengths_of(self.model, torch.from_numpy(token_ids)).numpy()
        for rows in by_length(lengths, _TOKENS_AT_ONCE[self.device.type]):
            yield rows, self._texts(token_ids[rows])

    @torch.inference_mode()
    def _texts(self, token_ids: np.ndarray) -> np.ndarray:
        with self._autocast():
            return _as_array(encode_tokens(self.model, torch.from_numpy(token_ids).to(self.device)))

    def _autocast(self) -> torch.autocast:
        on_cuda = self.device.type == "cuda"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on_cuda)


def _as_array(embeddings: torch.Tensor) -> np.ndarray:
    return np.asarray(embeddings.float().cpu().numpy())
