"""A CLIP model of any origin behind one small interface: frames and texts to embeddings."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from models.clip.preprocess import Preprocessing
from models.clip.sources import LoadedModel, load_model, preprocessing_of
from models.clip.text import TextEncoder
from models.errors import KinodexError
from models.identity import EncoderIdentity, ModelChoice

# On a CPU larger batches gain nothing and cost memory; a GPU wants enough to fill it. When
# memory does not suffice the batch is halved until it does.
_BATCH_SIZE = {"cpu": 32, "mps": 64, "cuda": 256}
_SAMPLES_PER_TENSOR = 1024


class Backbone:
    """An open_clip model on a device. Embeddings come back as float32, not normalised."""

    def __init__(self, choice: ModelChoice, loaded: LoadedModel, device: torch.device) -> None:
        self.choice = choice
        self.device = device
        self.preprocessing = Preprocessing.from_config(preprocessing_of(loaded.model))
        self.identity = EncoderIdentity(
            choice.name,
            _weights_digest(loaded.model),
            self.preprocessing.identity(),
            frames_digest=_weights_digest(loaded.model.get_submodule("visual")),
        )
        self.model: Any = loaded.model.to(device)
        self.batch_size = _BATCH_SIZE[device.type]
        self.text_encoder = TextEncoder(self.model, loaded.tokenize)
        self.dim = self.embed_texts([""]).shape[1]

    @property
    def logit_scale(self) -> float:
        """As CLIP stores it: the natural logarithm of the factor on the cosines."""
        return float(self.model.logit_scale.detach().reshape(()))

    @property
    def tag_calibration(self) -> tuple[float, float]:
        """Factor and offset of how likely labels hold by their scores, without an action head.

        As CLIP's own scores are unless the model has a `tag_calibration` that says otherwise.
        """
        scale, offset = getattr(self.model, "tag_calibration", (1.0, 0.0))
        return scale, offset

    @property
    def knows_actions(self) -> bool:
        """Whether words for actions, as tags are, mean more to it than the things of them."""
        return bool(getattr(self.model, "knows_actions", True))

    def embed_frames(self, frames: np.ndarray) -> torch.Tensor:
        """uint8 RGB frames, shape (count, height, width, 3) → float32 on the CPU (count, dim)."""
        return self.embed_clips([frames])[0]

    @torch.inference_mode()
    def embed_clips(self, clips: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """Like `embed_frames` for several clips, of any picture sizes, in shared batches."""
        fitted = torch.cat([self.preprocessing.fit(torch.from_numpy(clip)) for clip in clips])
        embeddings = torch.empty(len(fitted), self.dim)
        start = 0
        while start < len(fitted):
            stop = min(start + self.batch_size, len(fitted))
            try:
                embeddings[start:stop] = self._embed_batch(fitted[start:stop])
                start = stop
            except torch.OutOfMemoryError:
                self._halve_batch()
        return list(embeddings.split([len(clip) for clip in clips]))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Embeddings of texts, shape (texts, dim). Recent texts come from a cache."""
        with self._autocast():
            return self.text_encoder.encode(texts, self.device)

    def knows(self, texts: torch.Tensor) -> torch.Tensor:
        """Of which texts, by their embeddings (texts, dim), it can tell whether something shows
        them; bool (texts,). A model knows all texts unless it has a method `knows` that says less.
        """
        ask = getattr(self.model, "knows", None)
        if ask is None:
            return torch.ones(len(texts), dtype=torch.bool)
        known: torch.Tensor = ask(texts.to(self.device)).cpu()
        return known

    def _embed_batch(self, pictures: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            inputs = self.preprocessing.normalise(pictures.to(self.device))
            embeddings = self.model.encode_image(inputs)
        return embeddings.float().cpu()

    def _autocast(self) -> torch.autocast:
        on_cuda = self.device.type == "cuda"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on_cuda)

    def _halve_batch(self) -> None:
        if self.batch_size == 1:
            raise KinodexError(
                f"{self.choice} does not fit into the memory of {self.device}: "
                "choose a smaller model or another device"
            )
        self.batch_size //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def load_backbone(
    choice: ModelChoice, *, device: str | None = None, talk: Callable[[str], None] = lambda _: None
) -> Backbone:
    """The chosen model, ready on `device` (the best one present by default).

    Raises ModelUnavailable when the weights cannot be had, KinodexError for a missing device.
    """
    return Backbone(choice, load_model(choice, talk=talk), find_device(device))


def find_device(name: str | None = None) -> torch.device:
    """The device named ("cpu", "cuda", "mps"), or the best one there is."""
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name is None:
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present.get(name, False):
        usable = " or ".join(kind for kind, there in present.items() if there)
        raise KinodexError(f"there is no device {name!r} on this machine: use {usable}")
    return torch.device(name)


def _weights_digest(model: torch.nn.Module) -> str:
    """A fingerprint of names, shapes and evenly spaced values of every tensor.

    Training moves nearly every weight, so samples tell models apart; hashing all of a large
    model would cost each search most of a second.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().reshape(-1)
        step = max(1, len(values) // _SAMPLES_PER_TENSOR)
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(values[::step].float().numpy().tobytes())
    return digest.hexdigest()
