"""Looking again at the best segments, with all their stored frames and the query at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sqlalchemy.orm import Session

from models.errors import KinodexError
from models.files import typed_path
from models.frame_sets import padded
from models.heads.checkpoints import load_head
from models.heads.fit import HeadMismatch
from models.heads.query_pooling import query_aware_similarity
from models.identity import EncoderIdentity, HeadChoice
from search.catalog.embeddings import read_sequences
from search.catalog.settings import NO_RERANKING, QUERY_AWARE

# (texts, dim), (videos, frames, dim), mask (videos, frames) → (texts, videos)
Scorer = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class NoSuchReranker(KinodexError):
    """The re-ranker named is not one."""


@dataclass(frozen=True)
class Reranker:
    """Scores segments for a text. Scores order the segments of one query and mean nothing else."""

    scorer: Scorer
    device: torch.device
    dim: int

    def scores(
        self, session: Session, text_embedding: np.ndarray, segments: Sequence[int]
    ) -> dict[int, float]:
        """Segments with their scores. text_embedding: (dim,), not normalised."""
        stored = dict(read_sequences(session, segments, self.dim))
        if not stored:
            return {}
        frames, mask = padded(list(stored.values()))
        inputs = (torch.from_numpy(text_embedding)[None], frames, mask)
        with torch.inference_mode():
            scores = self.scorer(*(tensor.to(self.device) for tensor in inputs))
        return dict(zip(stored, scores[0].tolist(), strict=True))


def load_reranker(
    asked: str, encoder: EncoderIdentity, *, dim: int, device: torch.device
) -> Reranker:
    """The re-ranker that is asked for: "query-aware", or a tightTransf head's file.

    Raises NoSuchReranker, or HeadMismatch for a head that does not fit the encoder.
    """
    if asked == QUERY_AWARE:
        return Reranker(query_aware_similarity, device, dim)
    file = typed_path(asked).resolve()
    if not file.is_file():
        raise NoSuchReranker(
            f"there is no re-ranker {asked!r}: say {NO_RERANKING}, {QUERY_AWARE}, or the file of "
            "a trained tightTransf head"
        )
    loaded = load_head(HeadChoice(file=file), encoder, dim)
    if loaded.identity.name != "tightTransf":
        raise HeadMismatch(
            f"{asked!r} holds a {loaded.identity.name} head, which does not re-rank: "
            "use it with 'kinodex fuse --head'"
        )
    return Reranker(loaded.head.to(device), device, dim)
