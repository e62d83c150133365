"""Texts to embeddings, encoding each batch only as far as its longest text."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch

from models.clip.few_tokens import run_transformer

CACHE_SIZE = 1024  # queries; at width 512 that is 2 MB


class TextEncoder:
    """Encodes texts with the text tower of an open_clip model and remembers recent ones.

    In a causal tower a position sees only those before it, so what follows the end-of-text
    token cannot change the embedding and is cut off. Other towers run at full length.
    """

    def __init__(
        self, model: torch.nn.Module, tokenize: Callable[[list[str]], torch.Tensor]
    ) -> None:
        self._model = model
        self.tokenize = tokenize
        self._tower: Any = getattr(model, "text", model)
        self._cache: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()  # pages of several people share one encoder

    @property
    def can_shorten(self) -> bool:
        """True for a causal tower whose embedding is read at the end-of-text token."""
        return (
            getattr(self._tower, "attn_mask", None) is not None
            and getattr(self._tower, "cls_emb", None) is None
            and _pooling(self._tower) in ("argmax", "eos")
        )

    def encode(self, texts: Sequence[str], device: torch.device) -> torch.Tensor:
        """float32 embeddings on the CPU, not normalised; shape (texts, dim)."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._cache]
            fresh = dict(zip(new, self._encode(new, device), strict=True)) if new else {}
            rows = [fresh[text] if text in fresh else self._cache[text] for text in texts]
            self._remember(texts, rows)
        return torch.stack(rows)

    def _encode(self, texts: list[str], device: torch.device) -> torch.Tensor:
        token_ids = self.tokenize(texts).to(device)
        embeddings = (
            self.encode_shortened(token_ids)
            if self.can_shorten
            else self._model.encode_text(token_ids)  # type: ignore[operator]
        )
        return embeddings.float().cpu()

    def encode_shortened(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Embeddings of (texts, context) token ids, cut after the batch's last end of text."""
        tower = self._tower
        end = _end_of_text(tower, token_ids)
        length = int(end.max()) + 1
        hidden = tower.token_embedding(token_ids[:, :length])
        hidden = hidden + tower.positional_embedding[:length]
        hidden = run_transformer(
            tower.transformer,
            hidden.to(tower.transformer.get_cast_dtype()),
            tower.attn_mask[:length, :length],
        )
        pooled = hidden[torch.arange(len(end), device=end.device), end]
        return _project(tower, tower.ln_final(pooled))

    def _remember(self, texts: Sequence[str], rows: list[torch.Tensor]) -> None:
        for text, row in zip(texts, rows, strict=True):
            self._cache[text] = row
            self._cache.move_to_end(text)
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)


def _pooling(tower: Any) -> str | None:
    # open_clip's CLIP class carries its text tower's attributes itself, under longer names.
    return getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))


def _end_of_text(tower: Any, token_ids: torch.Tensor) -> torch.Tensor:
    if _pooling(tower) == "argmax":
        return token_ids.argmax(dim=1)
    end_id: int = getattr(tower, "text_eos_id", None) or tower.eos_id
    return torch.eq(token_ids, end_id).int().argmax(dim=1)


def _project(tower: Any, pooled: torch.Tensor) -> torch.Tensor:
    projection = tower.text_projection
    if projection is None:
        return pooled
    if isinstance(projection, torch.nn.Linear):
        return projection(pooled)
    return pooled @ projection
