"""Embeddings of texts that ship with the program: read once by each model, for all libraries.

They lie where compiled models lie, by what the model sees of each text, its token ids, so a list
with one label more has only that one read. Nothing here needs torch.
"""

import hashlib
import io
from collections.abc import Callable, Sequence

import numpy as np

from models.clip.backbone import Backbone
from models.clip.engines import cache
from models.clip.engines.choice import FLOAT32
from models.clip.engines.keys import texts_key

# What an entry's card says: whose texts these are, and of how many.
OF_MODEL, COUNT = "texts_of", "texts"
_DIGESTS, _EMBEDDINGS = "texts.npy", "embeddings.npy"
_DIGEST_BYTES = 16


def read_texts(
    backbone: Backbone,
    texts: Sequence[str],
    *,
    keep: bool,
    precision: str = FLOAT32,
    on_start: Callable[[], None] = lambda: None,
    on_batch: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Embeddings of texts, float32 (texts, dim), not normalised; those that are kept are not read.

    keep: whether others may find them later. Never for words of somebody's own: what is kept
        tells whoever may read it which of the texts that they think of were read
    precision: as of `Engine.many_texts`
    on_start: called before any is read
    on_batch: called each time that some were read; what it raises ends that, and leaves them kept
    """
    if not texts:
        return np.empty((0, backbone.dim), np.float32)
    key = _key(backbone, precision)
    token_ids = backbone.token_ids(texts)
    digests = _digests(token_ids)
    known = _kept(key, backbone.dim, set(digests))
    first = {one: row for row, one in reversed(list(enumerate(digests))) if one not in known}
    if first:
        on_start()
        rows = np.array(sorted(first.values()))
        parts = backbone.engine.many_texts(token_ids[rows], precision=precision)
        fresh: dict[bytes, np.ndarray] = {}
        try:
            for some, embeddings in parts:
                fresh.update(zip([digests[row] for row in rows[some]], embeddings, strict=True))
                on_batch()
        finally:
            if keep and fresh:
                _keep(key, fresh, name=str(backbone.choice))
        known |= fresh
    return np.stack([known[one] for one in digests])


def are_kept(backbone: Backbone, texts: Sequence[str], *, precision: str = FLOAT32) -> bool:
    """Whether `read_texts` would have nothing to read."""
    wanted = set(_digests(backbone.token_ids(texts)))
    return wanted <= _kept(_key(backbone, precision), backbone.dim, wanted).keys()


def _key(backbone: Backbone, precision: str) -> str:
    engine = backbone.engine
    return texts_key(backbone.identity, engine.name, backbone.device_type, precision)


def _digests(token_ids: np.ndarray) -> list[bytes]:
    """What tells texts apart for a model: their ids, whatever tokenizer has given them."""
    rows = np.ascontiguousarray(token_ids, "<i8")
    return [hashlib.blake2b(row.tobytes(), digest_size=_DIGEST_BYTES).digest() for row in rows]


def _kept(key: str, dim: int, wanted: set[bytes]) -> dict[bytes, np.ndarray]:
    """Those of the wanted texts that a model has read before, and their embeddings (dim,)."""
    found: dict[bytes, np.ndarray] = {}
    for entry in cache.entries():
        if entry.card.get(OF_MODEL) != key or wanted <= found.keys():
            continue
        try:
            digests, embeddings = _content(entry, dim)
        except (cache.UnusableEntry, ValueError, EOFError):
            cache.drop(entry.folder.name)  # it is damaged, and is made again
            continue
        rows = {one.tobytes(): row for row, one in enumerate(digests)}
        used = wanted & rows.keys()
        found |= {one: embeddings[rows[one]] for one in used}
        if used:
            cache.find(entry.folder.name)  # marks it as used
    return found


def _content(entry: cache.Entry, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Digests, bytes (texts, 16), and embeddings (texts, dim).

    Raises UnusableEntry, ValueError or EOFError for what is not as it was.
    """
    digests, embeddings = (
        np.load(io.BytesIO(entry.read(name)), allow_pickle=False)
        for name in (_DIGESTS, _EMBEDDINGS)
    )
    if embeddings.shape != (len(digests), dim) or not np.isfinite(embeddings).all():
        raise ValueError("these are no embeddings of this model")
    return digests, embeddings


def _keep(key: str, fresh: dict[bytes, np.ndarray], *, name: str) -> None:
    """A folder that cannot be written to, or a full disk, costs reading them again."""
    of_these = hashlib.blake2b(key.encode() + b"".join(sorted(fresh)), digest_size=16)
    with cache.new_entry(of_these.hexdigest()) as entry:
        digests = np.frombuffer(b"".join(fresh), np.uint8).reshape(-1, _DIGEST_BYTES)
        for file, content in (
            (_DIGESTS, digests),
            (_EMBEDDINGS, np.stack(list(fresh.values())).astype(np.float32)),
        ):
            written = io.BytesIO()
            np.save(written, content, allow_pickle=False)
            entry.add(file, written.getbuffer())
        entry.finish({"name": name, OF_MODEL: key, COUNT: len(fresh)})
