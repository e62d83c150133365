"""How surely a result matches a text, beside what the library holds otherwise.

A cosine means something else for every text, model and library. So it is compared with a bank of
neutral texts, in the manner of query-bank normalisation (Bogolin et al., 2022): with the best
cosines that these find in the library, and with those that they have with the very segment.
Figures: benchmarks/matching.py.
"""

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.files import make_folder, replaced_whole
from search.catalog.embeddings import normalised
from search.catalog.store import Store

if TYPE_CHECKING:
    from models.clip.backbone import Backbone

_BANK_FILE = Path(__file__).parent / "neutral_queries.txt"
# What is usual for a segment is told by its highest cosines with the bank, this number of them.
_NEAREST = 8
# A logistic regression on 75 names of things in libraries of 5 to 480 segments of the small world
# from which half of the things were left out.
_ABOVE_LIBRARY, _ABOVE_SEGMENT, _OFFSET = 2.32, 4.17, -1.62


@dataclass(frozen=True)
class NeutralBank:
    """What neutral texts find in a library.

    bank: their embeddings, (texts, dim), unit length
    top: the median of the best cosine that each finds
    spread: the standard deviation of all their cosines, the unit of everything
    """

    bank: np.ndarray
    top: float
    spread: float

    @classmethod
    def of(cls, sample: np.ndarray, bank: np.ndarray) -> "NeutralBank":
        """The background of a library of which these segments are a sample, (m, dim)."""
        cosines = sample @ bank.T
        return cls(bank, float(np.median(cosines.max(axis=0))), max(float(cosines.std()), 1e-6))

    def match(self, text: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """How surely each segment matches a text, 0 to 1, (n,).

        text: (dim,), segments: (n, dim), both of unit length
        """
        cosines = segments @ text
        near = np.sort(segments @ self.bank.T, axis=1)[:, -_NEAREST:].mean(axis=1)
        odds = (
            _ABOVE_LIBRARY * (cosines - self.top) / self.spread
            + _ABOVE_SEGMENT * (cosines - near) / self.spread
            + _OFFSET
        )
        return np.asarray(1 / (1 + np.exp(-odds)))


def neutral_texts() -> list[str]:
    """The texts of the bank."""
    return _BANK_FILE.read_text(encoding="utf-8").split("\n")[:-1]


def read_bank(library: Store, space_key: str, backbone: "Backbone") -> np.ndarray:
    """The bank in a model's eyes, (texts, dim); encoded once, which takes a second or two."""
    texts = neutral_texts()
    name = hashlib.blake2b(
        "\n".join([backbone.identity.weights_digest, *texts]).encode(), digest_size=8
    ).hexdigest()
    file = library.vectors_folder / space_key / f"neutral-{name}.npy"
    try:
        bank = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
        lengths = np.linalg.norm(bank, axis=-1)
        if bank.shape == (len(texts), backbone.dim) and np.allclose(lengths, 1, atol=1e-3):
            return np.asarray(bank, np.float32)
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged: it is made again
    bank = normalised(backbone.embed_texts(texts).numpy())
    _keep(file, bank)
    return bank


def _keep(file: Path, bank: np.ndarray) -> None:
    # It is only a cache: a disk that is full or read-only costs a second at each start.
    with contextlib.suppress(OSError):
        make_folder(file.parent)
        with (
            replaced_whole(file, durable=True, as_folder=True) as draft,
            draft.open("wb") as content,
        ):
            np.save(content, bank, allow_pickle=False)
