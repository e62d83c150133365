"""A CLIP model of any origin behind one small interface: frames and texts to embeddings.

Which engine computes them, PyTorch or OpenVINO, is hidden; torch is imported where it is needed.
"""

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from models.clip.card import ModelCard
from models.clip.engines.choice import TORCH, EngineChoice, kind_of_device
from models.clip.engines.protocol import Engine, OutOfMemory
from models.clip.preprocess import Preprocessing
from models.errors import KinodexError
from models.identity import EncoderIdentity, ModelChoice
from models.known_texts import KnownTexts

if TYPE_CHECKING:
    import torch

    from models.clip.engines.int8 import Int8Tower
    from models.clip.sources import LoadedModel

TEXTS_REMEMBERED = 1024  # queries; at width 512 that is 2 MB

Talk = Callable[[str], None]


class Backbone:
    """A model on a device. Embeddings come back as float32, not normalised."""

    def __init__(
        self,
        choice: ModelChoice,
        card: ModelCard,
        engine: Engine,
        tokenize: Callable[..., np.ndarray],
        *,
        device: str,
        known: KnownTexts | None,
        load: Callable[[], "LoadedModel"],
    ) -> None:
        """
        tokenize: texts, and perhaps a `context_length`, to int64 ids (texts, context)
        known: the texts that it can tell of; None for all
        load: the model in PyTorch
        """
        self.choice = choice
        self.card = card
        self.engine = engine
        self.known = known
        self.device_type = device
        self.batch_size = engine.batch_size
        self.preprocessing = Preprocessing.from_config(card.identity.preprocessing)
        self._tokenize = tokenize
        self._load = load
        self._recent = _RecentTexts()

    @classmethod
    def in_torch(
        cls, choice: ModelChoice, loaded: "LoadedModel", device: "torch.device"
    ) -> "Backbone":
        """A model that PyTorch has loaded, computed by PyTorch."""
        from models.clip.engines.in_torch import TorchEngine

        card = card_of(choice, loaded)
        preprocessing = Preprocessing.from_config(card.identity.preprocessing)
        engine = TorchEngine(loaded.model, preprocessing, device)
        return cls(
            choice,
            card,
            engine,
            lambda texts, **length: loaded.tokenize(texts, **length).numpy(),
            device=device.type,
            known=getattr(loaded.model, "known_texts", None),
            load=lambda: loaded,
        )

    @property
    def identity(self) -> EncoderIdentity:
        """Whose embeddings these are."""
        return self.card.identity

    @property
    def dim(self) -> int:
        """How many numbers an embedding has."""
        return self.card.dim

    @property
    def logit_scale(self) -> float:
        """As CLIP stores it: the natural logarithm of the factor on the cosines."""
        return self.card.logit_scale

    @property
    def tag_calibration(self) -> tuple[float, float]:
        """Factor and offset of how likely labels hold by their scores, without an action head."""
        return self.card.tag_calibration

    @property
    def knows_actions(self) -> bool:
        """Whether words for actions, as tags are, mean more to it than the things of them."""
        return self.card.knows_actions

    @property
    def sees_neighbours(self) -> bool:
        """Whether the frames of a clip must be encoded together, all of them and in order."""
        return self.card.reach > 0

    @cached_property
    def model(self) -> Any:
        """The model in PyTorch, on the device: for training, and to look into its layers."""
        return self._load().model.to(self.device)

    @property
    def device(self) -> "torch.device":
        """The device, for PyTorch."""
        import torch

        return torch.device(self.device_type)

    def tokenize(self, texts: Sequence[str], **length: int) -> "torch.Tensor":
        """Token ids, int64 (texts, context), of the model's `context_length` or another."""
        import torch

        return torch.from_numpy(self._tokenize(list(texts), **length))

    def token_ids(self, texts: Sequence[str]) -> np.ndarray:
        """What `tokenize` gives, as an array and without torch."""
        return self._tokenize(list(texts))

    def embed_frames(self, frames: np.ndarray) -> "torch.Tensor":
        """uint8 RGB frames, shape (count, height, width, 3) → float32 on the CPU (count, dim).

        A model that `sees_neighbours` takes them for one clip.
        """
        return self.embed_clips([frames])[0]

    def embed_clips(self, clips: Sequence[np.ndarray]) -> "list[torch.Tensor]":
        """Like `embed_frames` for several clips, of any picture sizes, in shared batches."""
        import torch

        return [torch.from_numpy(clip) for clip in self.clip_arrays(clips)]

    def embed_texts(self, texts: Sequence[str]) -> "torch.Tensor":
        """Embeddings of texts, shape (texts, dim). Recent texts come from a cache."""
        import torch

        return torch.from_numpy(self.text_arrays(texts))

    def clip_arrays(self, clips: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What `embed_clips` gives, as arrays and without torch."""
        lengths = [len(clip) for clip in clips]
        fitted = np.concatenate([self.preprocessing.fit(clip) for clip in clips])
        places = _places(lengths, self.card.reach) if self.sees_neighbours else None
        embeddings = np.empty((len(fitted), self.dim), np.float32)
        start = 0
        while start < len(fitted):
            stop = min(start + self.batch_size, len(fitted))
            try:
                embeddings[start:stop] = self._encoded(fitted, places, start, stop)
                start = stop
            except OutOfMemory:
                self._halve_batch()
        return np.split(embeddings, np.cumsum(lengths)[:-1])

    def _encoded(
        self, fitted: np.ndarray, places: np.ndarray | None, start: int, stop: int
    ) -> np.ndarray:
        """Embeddings of some rows, which may see the rows beside them."""
        if places is None:
            return self.engine.pictures(fitted[start:stop])
        first, last = max(0, start - self.card.reach), stop + self.card.reach
        around = self.engine.pictures(fitted[first:last], places[first:last])
        return around[start - first : stop - first]

    def text_arrays(self, texts: Sequence[str]) -> np.ndarray:
        """What `embed_texts` gives, as an array and without torch."""
        if len(texts) > TEXTS_REMEMBERED:  # no queries: it would be those that are forgotten
            return self.engine.tokens(self.token_ids(texts))
        return self._recent.of(texts, lambda new: self.engine.tokens(self._tokenize(new)))

    def knows(self, texts: np.ndarray) -> np.ndarray:
        """Of which texts, by their embeddings (texts, dim), it can tell whether something shows
        them; bool (texts,). Most models know all texts.
        """
        return np.ones(len(texts), bool) if self.known is None else self.known.of(texts)

    def reading_at_most(self, words: int) -> "Backbone":
        """The same model, which reads no more of a text than so many token ids; see `cut_texts`."""
        from models.clip.shorter_texts import cut_texts

        cut = cut_texts(self.tokenize, self.model, words)
        other = copy.copy(self)
        other._tokenize = lambda texts, **how: cut(list(texts), **how).numpy()
        other._recent = _RecentTexts()
        return other

    def in_int8(self, tower: "Int8Tower") -> "Backbone":
        """The same model, whose pictures a tower encodes that was made of it in int8."""
        from models.clip.engines.int8 import Int8Engine

        other = copy.copy(self)
        identity = replace(self.card.identity, int8=tower.digest)
        other.card = replace(self.card, identity=identity)
        other.engine = Int8Engine(self.engine, tower)
        other.batch_size = other.engine.batch_size
        return other

    def _halve_batch(self) -> None:
        if self.batch_size == 1:
            raise KinodexError(
                f"{self.choice} does not fit into the memory of {self.device_type}: "
                "choose a smaller model or another device"
            )
        self.batch_size //= 2


def _places(lengths: Sequence[int], reach: int) -> np.ndarray:
    """Places of the frames of clips, (frames,) int64, so far apart that no two clips meet."""
    clips = np.repeat(np.arange(len(lengths)), lengths)
    return np.arange(len(clips)) + clips * reach


class _RecentTexts:
    """Remembers the embeddings of texts; pages of several people share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str], encode: Callable[[list[str]], np.ndarray]) -> np.ndarray:
        """Their embeddings, (texts, dim); `encode` makes those that are not remembered."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            fresh = dict(zip(new, encode(new), strict=True)) if new else {}
            rows = [fresh[text] if text in fresh else self._kept[text] for text in texts]
            for text, row in zip(texts, rows, strict=True):
                self._kept[text] = row
                self._kept.move_to_end(text)
            while len(self._kept) > TEXTS_REMEMBERED:
                self._kept.popitem(last=False)
        return np.stack(rows)


def load_backbone(
    choice: ModelChoice,
    *,
    device: str | None = None,
    engine: EngineChoice | None = None,
    stored: EncoderIdentity | None = None,
    tower: "Int8Tower | None" = None,
    talk: Talk = lambda _: None,
) -> Backbone:
    """The chosen model, ready on `device` (the best one present by default).

    engine: by default what the environment says
    stored: whose embeddings a library has, where that is known: a compiled model of this identity
        is used without loading any other
    tower: the library's own in int8, if it has one: it encodes pictures, whatever is asked for

    Raises ModelUnavailable when the weights cannot be had, KinodexError for a missing device.
    """
    plain = _as_it_is(choice, device, engine, stored, talk)
    return plain.in_int8(tower) if tower else plain


def _as_it_is(
    choice: ModelChoice,
    device: str | None,
    engine: EngineChoice | None,
    stored: EncoderIdentity | None,
    talk: Talk,
) -> Backbone:
    asked = engine or EngineChoice.from_environment()
    kind = kind_of_device(device)

    def load() -> "LoadedModel":
        from models.clip.sources import load_model

        return load_model(choice, talk=talk)

    if asked.name_for(kind) != TORCH:
        found = _in_openvino(choice, asked, stored, load, talk)
        if found is not None:
            return found
    from models.clip.devices import find_device

    return Backbone.in_torch(choice, load(), find_device(kind))


def _in_openvino(
    choice: ModelChoice,
    asked: EngineChoice,
    stored: EncoderIdentity | None,
    load: Callable[[], "LoadedModel"],
    talk: Talk,
) -> Backbone | None:
    """The compiled model, or in PyTorch if it has just been refused; None where it is to be loaded
    in PyTorch.
    """
    try:
        from models.clip.engines import cache, compiled
    except (ImportError, OSError) as error:  # a wheel that does not fit this machine
        talk(f"OpenVINO cannot be used here ({error}): going on in PyTorch, which takes longer")
        return None

    def with_card() -> "tuple[ModelCard, LoadedModel]":
        loaded = load()
        return card_of(choice, loaded), loaded

    precision = asked.plain_precision
    found = compiled.find(choice, precision, stored, with_card)
    if found is None:
        if not cache.is_writable():
            talk(
                f"{str(cache.cache_folder())!r} cannot be written to, so the model cannot be "
                "compiled: going on in PyTorch, which takes longer"
            )
            return None
        loaded = load()
        talk(f"compiling {choice} for this processor (once)")
        card = card_of(choice, loaded)
        found = compiled.make(choice, precision, card, loaded, with_card)
        if isinstance(found, compiled.Refused):
            talk(f"{choice} runs in PyTorch: {found.reason}")
            from models.clip.devices import find_device

            return Backbone.in_torch(choice, loaded, find_device("cpu"))
    if isinstance(found, compiled.Refused):
        return None
    return Backbone(
        choice, found.card, found.engine, found.tokenize, device="cpu", known=found.known, load=load
    )


def card_of(choice: ModelChoice, loaded: "LoadedModel") -> ModelCard:
    """Who a model is that PyTorch has loaded."""
    import torch

    from models.clip.sources import preprocessing_of
    from models.clip.text import encode_tokens

    preprocessing = Preprocessing.from_config(preprocessing_of(loaded.model))
    with torch.inference_mode():
        ids = loaded.tokenize([""]).to(next(loaded.model.parameters()).device)
        dim = encode_tokens(loaded.model, ids).shape[1]
    return ModelCard.of(choice.name, loaded.model, preprocessing, dim)
