"""PyTorch as the engine: any device, and the only one that trains or opens hidden layers."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from models.clip.engines.choice import BFLOAT16, FLOAT32, TORCH
from models.clip.engines.protocol import OutOfMemory
from models.clip.engines.text_batches import by_length, in_order
from models.clip.patches import FramesOfClips
from models.clip.preprocess import Preprocessing
from models.clip.text import cut_of, encode_tokens, lengths_of

# On a CPU larger batches gain nothing and cost memory; a GPU wants enough to fill it.
_BATCH_SIZE = {"cpu": 32, "mps": 64, "cuda": 256}
# Of texts, in tokens: the widest layer of their blocks takes 40 MB for 2,560.
_TOKENS_AT_ONCE = {"cpu": 2560, "mps": 5120, "cuda": 20480}


class TorchEngine:
    """An open_clip model on a device. On CUDA it computes in bfloat16 where the card has it."""

    name = TORCH

    def __init__(self, model: Any, preprocessing: Preprocessing, device: torch.device) -> None:
        self.model = model.to(device)
        self.device = device
        self.batch_size = _BATCH_SIZE[device.type]
        self.precision = BFLOAT16 if has_bfloat16(device) else FLOAT32
        self.texts_precision = self.precision
        self.pads_texts = cut_of(model) is None
        self._preprocessing = preprocessing
        self._upload = Upload(device)
        self._lock = threading.Lock()
        if device.type == "cuda" and is_convolutional(model.visual):
            # The cards' own order for convolutions, in which frames come anyway.
            model.visual.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def pictures(self, pictures: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """As of `Engine`."""
        try:
            with self._lock:  # until the embeddings are back, the buffer is in use
                rows = self._upload(pictures)
                if places is None:
                    return _as_array(self.encoded(rows))
                return _as_array(self._encoded_beside(rows, places))
        except torch.OutOfMemoryError as error:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemory from error

    @torch.inference_mode()
    def encoded(self, pictures: torch.Tensor) -> torch.Tensor:
        """The same for pictures on the device already, and left there."""
        with self._autocast():
            rows = self._preprocessing.normalise(pictures.permute(0, 3, 1, 2))
            embeddings: torch.Tensor = self.model.encode_image(rows)
            return embeddings

    def _encoded_beside(self, pictures: torch.Tensor, places: np.ndarray) -> torch.Tensor:
        """The same for frames that see each other."""
        with self._autocast():
            rows = self._preprocessing.normalise(pictures.permute(0, 3, 1, 2))
            frames = FramesOfClips(rows, torch.from_numpy(places).to(self.device))
            embeddings: torch.Tensor = self.model.encode_image(frames)
            return embeddings

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
        reduced = self.precision == BFLOAT16
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)


class Upload:
    """Batches of pictures on their way to a device. To a GPU they go through memory that it reads
    by itself, kept from batch to batch: a copy from any other would first be made into such.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._buffer: torch.Tensor | None = None

    def __call__(self, pictures: np.ndarray) -> torch.Tensor:
        """uint8 (n, height, width, 3), there. The one before must have been used up."""
        rows = torch.from_numpy(pictures)
        if self._device.type == "cuda":
            rows = self.staged(rows, pinned=True)
        return rows.to(self._device, non_blocking=True)

    def staged(self, rows: torch.Tensor, *, pinned: bool) -> torch.Tensor:
        """The same in the buffer, which grows where it is too small."""
        held = self._buffer
        if held is None or len(held) < len(rows) or held.shape[1:] != rows.shape[1:]:
            held = self._buffer = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=pinned)
        return held[: len(rows)].copy_(rows)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a GPU computes in bfloat16 by itself; older cards only imitate it, slowly."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def is_convolutional(tower: torch.nn.Module) -> bool:
    """Whether convolutions do more in a tower than cut pictures into patches."""
    return sum(isinstance(one, torch.nn.Conv2d) for one in tower.modules()) > 1


def _as_array(embeddings: torch.Tensor) -> np.ndarray:
    return np.asarray(embeddings.float().cpu().numpy())
