"""How surely a result matches a text, beside what the library holds otherwise.

A cosine means something else for every text, model and library. So it is compared with a bank of
neutral texts, in the manner of query-bank normalisation (Bogolin et al., 2022): with the best
cosines that these find in the library, and with those that they have with the very segment. How far
apart neutral texts are in both is the unit, so that one calibration serves models whose cosines
differ. Figures: benchmarks/matching.py and benchmarks/real_pictures.
"""

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.clip.kept_texts import read_texts
from models.files import make_folder, replaced_whole
from search.catalog.embeddings import normalised
from search.catalog.store import Store

if TYPE_CHECKING:
    from models.clip.backbone import Backbone

_BANK_FILE = Path(__file__).parent / "neutral_queries.txt"
# What is usual for a segment is told by its highest cosines with the bank, this number of them.
_NEAREST = 8
# Shares of the neutral texts: what is usual, and between which of them the spread is measured.
_LOW, _MIDDLE, _HIGH = 0.1, 0.3, 0.75
# A logistic regression on questions about real pictures with the model `imagenet` and about the
# small world with the bundled one: benchmarks/real_pictures/choosing.py.
# What the two kinds of evidence count, and the offset.
CALIBRATION = np.array([2.41, 1.02, -1.76])
_LEAST_SPREAD = 1e-6
_BEYOND_DOUBT = 50.0  # beyond it e^odds tells nothing more, and overflows in the end


@dataclass(frozen=True)
class Usual:
    """What neutral texts reach that find nothing, and how far apart neutral texts are.

    Some always find what they say, and more in a larger library: so the middle lies below the half.
    """

    middle: float
    spread: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Usual":
        """values: one for each text, (texts,)"""
        low, middle, high = np.quantile(values, [_LOW, _MIDDLE, _HIGH]).tolist()
        return cls(middle, max(high - low, _LEAST_SPREAD))

    def above(self, values: np.ndarray) -> np.ndarray:
        """By how many spreads values lie above the middle."""
        return np.asarray((values - self.middle) / self.spread)


@dataclass(frozen=True)
class NeutralBank:
    """What neutral texts find in a library: most of them nothing that shows what they say.

    bank: their embeddings, (texts, dim), unit length
    best: the best cosine that each finds
    lead: by how much this is above what is usual for the very segment
    """

    bank: np.ndarray
    best: Usual
    lead: Usual

    @classmethod
    def of(cls, sample: np.ndarray, bank: np.ndarray) -> "NeutralBank":
        """The background of a library of which these segments are a sample, (m, dim)."""
        cosines = sample @ bank.T
        found, best = cosines.argmax(axis=0), cosines.max(axis=0)
        highest = _highest(cosines[found], _NEAREST + 1)
        # Of what is usual for a segment the text itself is no part.
        others = np.where(
            best >= highest[:, 1],
            (highest.sum(axis=1) - best) / max(1, highest.shape[1] - 1),
            highest[:, 1:].mean(axis=1),
        )
        return cls(bank, Usual.of(best), Usual.of(best - others))

    def evidence(self, text: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """By how many spreads a text's cosines stand above what is usual, (n, 2).

        In the first column above what neutral texts find in the library, in the second above what
        they have with each segment. text: (dim,), segments: (n, dim), both of unit length
        """
        cosines = segments @ text
        usual = _highest(segments @ self.bank.T, _NEAREST).mean(axis=1)
        return np.stack([self.best.above(cosines), self.lead.above(cosines - usual)], axis=1)

    def match(self, text: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """How surely each segment matches a text, 0 to 1, (n,). As of `evidence`."""
        odds = self.evidence(text, segments) @ CALIBRATION[:2] + CALIBRATION[2]
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -_BEYOND_DOUBT, _BEYOND_DOUBT))))


def _highest(cosines: np.ndarray, count: int) -> np.ndarray:
    """The highest of each row, in rising order, (rows, count)."""
    return np.asarray(np.sort(cosines, axis=1)[:, -count:])


def neutral_texts() -> list[str]:
    """The texts of the bank."""
    return _BANK_FILE.read_text(encoding="utf-8").split("\n")[:-1]


def read_bank(library: Store, space_key: str, backbone: "Backbone") -> np.ndarray:
    """The bank in a model's eyes, (texts, dim); read once by each model, in a second or more."""
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
    bank = normalised(read_texts(backbone, texts, keep=True))
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
