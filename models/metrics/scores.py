"""Text × video scores, given out block by block so that the whole matrix need not exist."""

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch.nn import functional as F

from models.errors import KinodexError

# How many bytes a block of scores takes, about: four for each score.
_BLOCK_BYTES = 32 * 2**20


class ScoresNotFinite(KinodexError, ValueError):
    """Scores or embeddings that cannot be compared: some are NaN or infinite."""


class Scores(Protocol):
    """Scores of ``texts`` × ``videos``: higher is better."""

    texts: int
    videos: int

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Scores of some texts with all videos; shape: (stop - start, videos), float32."""

    def columns(self, start: int, stop: int) -> torch.Tensor:
        """Scores of all texts with some videos; shape: (texts, stop - start), float32."""


class CosineScores:
    """Cosines of embeddings of any length; every block is one matrix product.

    text_embeddings: (texts, dim); video_embeddings: (videos, dim).

    Raises ScoresNotFinite for an embedding that is NaN, infinite or zero.
    """

    def __init__(self, text_embeddings: torch.Tensor, video_embeddings: torch.Tensor) -> None:
        self.texts, self.videos = len(text_embeddings), len(video_embeddings)
        self._text_rows = _unit(text_embeddings, "text")
        self._video_rows = _unit(video_embeddings, "video")

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """See `Scores`."""
        return self._text_rows[start:stop] @ self._video_rows.T

    def columns(self, start: int, stop: int) -> torch.Tensor:
        """See `Scores`."""
        return self._text_rows @ self._video_rows[start:stop].T


class StoredScores:
    """Scores that are in memory already; shape: (texts, videos). Raises ScoresNotFinite for NaN."""

    def __init__(self, similarities: torch.Tensor) -> None:
        if similarities.dim() != 2:
            shape = tuple(similarities.shape)
            raise ValueError(f"scores must have the shape (texts, videos), not {shape}")
        check_not_nan(similarities)
        self.texts, self.videos = similarities.shape
        self._similarities = similarities

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """See `Scores`."""
        return self._similarities[start:stop].float()

    def columns(self, start: int, stop: int) -> torch.Tensor:
        """See `Scores`."""
        return self._similarities[:, start:stop].float()


class _Adjusted:
    """Scores less a number for each video and, where there is one, a number for each text."""

    def __init__(
        self, scores: Scores, of_text: torch.Tensor | None, of_video: torch.Tensor
    ) -> None:
        self.texts, self.videos = scores.texts, scores.videos
        self._scores, self._of_text, self._of_video = scores, of_text, of_video

    def rows(self, start: int, stop: int) -> torch.Tensor:
        part = slice(start, stop)
        return self._less(self._scores.rows(start, stop), part, slice(None))

    def columns(self, start: int, stop: int) -> torch.Tensor:
        part = slice(start, stop)
        return self._less(self._scores.columns(start, stop), slice(None), part)

    def _less(self, block: torch.Tensor, texts: slice, videos: slice) -> torch.Tensor:
        if self._of_text is not None:
            block = block - self._of_text[texts, None]
        return block - self._of_video[None, videos]


class _QueryBankScores:
    """Rows of two kinds: adjusted by the bank where that may help, plain elsewhere."""

    def __init__(self, plain: Scores, adjusted: Scores, activated: torch.Tensor) -> None:
        self.texts, self.videos = plain.texts, plain.videos
        self._plain, self._adjusted, self._activated = plain, adjusted, activated

    def rows(self, start: int, stop: int) -> torch.Tensor:
        chosen = self._activated[start:stop, None]
        return torch.where(chosen, self._adjusted.rows(start, stop), self._plain.rows(start, stop))

    def columns(self, start: int, stop: int) -> torch.Tensor:
        chosen = self._activated[:, None]
        adjusted = self._adjusted.columns(start, stop)
        return torch.where(chosen, adjusted, self._plain.columns(start, stop))


def dual_softmax(scores: Scores, *, scale: float) -> Scores:
    """Scores by the product of the softmax over videos and the softmax over texts.

    A video that many texts like is liked less by each. In logarithms, so that nothing underflows:
    2 s - log Σ_text exp(scale s) / scale - log Σ_video exp(scale s) / scale. The reverse softmax
    is that of CAMoE (arXiv 2109.04290); taking the product, not score × probability, keeps the
    order right for negative scores too.

    Every text that is asked takes part: it is for comparing methods, not for a search engine,
    which meets its queries one by one. ``scale``: the logit scale of cosines (about 100), or 1
    for scores that are logits already.
    """
    of_video = _log_sums(scores.columns, scores.texts, scores.videos, dim=0, scale=scale)
    of_text = _log_sums(scores.rows, scores.videos, scores.texts, dim=1, scale=scale)
    return _Adjusted(_Doubled(scores), of_text, of_video)


class _Doubled:
    def __init__(self, scores: Scores) -> None:
        self.texts, self.videos = scores.texts, scores.videos
        self._scores = scores

    def rows(self, start: int, stop: int) -> torch.Tensor:
        return 2 * self._scores.rows(start, stop)

    def columns(self, start: int, stop: int) -> torch.Tensor:
        return 2 * self._scores.columns(start, stop)


def query_bank_normalised(scores: Scores, bank: Scores, *, scale: float = 20.0) -> Scores:
    """Scores of texts, less what a bank of other texts thinks of each video (QB-Norm).

    The dynamic inverted softmax of arXiv 2112.12777, in logarithms: a text whose best video is
    the best video of a text in the bank gets s - log Σ_bank exp(scale s_bank) / scale; all
    others keep their scores. Texts do not look at each other. Only rows are comparable, so it
    is for text → video.

    ``bank``: scores of the bank's texts with the same videos. ``scale`` 20 is the paper's.
    """
    if bank.videos != scores.videos:
        raise ValueError(f"the bank scores {bank.videos} videos, not {scores.videos}")
    of_video = _log_sums(bank.columns, bank.texts, bank.videos, dim=0, scale=scale)
    hubs = torch.zeros(scores.videos, dtype=torch.bool, device=of_video.device)
    hubs[_best_videos(bank)] = True
    activated = hubs[_best_videos(scores)]
    return _QueryBankScores(scores, _Adjusted(scores, None, of_video), activated)


def blocks(count: int, other: int) -> Iterator[tuple[int, int]]:
    """(start, stop) over ``count`` rows so that a block with ``other`` columns stays small."""
    step = max(1, _BLOCK_BYTES // (4 * max(1, other)))
    for start in range(0, count, step):
        yield start, min(start + step, count)


def check_not_nan(similarities: torch.Tensor) -> None:
    """Raises ScoresNotFinite, naming the first text and video whose score is NaN."""
    if not similarities.isnan().any():
        return
    text, video = similarities.isnan().nonzero()[0].tolist()
    raise ScoresNotFinite(
        f"the score of text {text} with video {video} is NaN: no rank can be told from it"
    )


def _unit(embeddings: torch.Tensor, kind: str) -> torch.Tensor:
    lengths = embeddings.float().norm(dim=1)
    wrong = ~(lengths.isfinite() & (lengths > 0))
    if wrong.any():
        first = int(wrong.nonzero()[0])
        raise ScoresNotFinite(
            f"the embedding of {kind} {first} is NaN, infinite or zero: it has no cosine"
        )
    return F.normalize(embeddings.float(), dim=1)


def _log_sums(
    block_of: Callable[[int, int], torch.Tensor], other: int, count: int, *, dim: int, scale: float
) -> torch.Tensor:
    """log Σ exp(scale s) / scale, less the logarithm of how many are summed; shape: (count,)."""
    parts = [
        torch.logsumexp(scale * block_of(start, stop), dim=dim)
        for start, stop in blocks(count, other)
    ]
    return (torch.cat(parts) - math.log(other)) / scale


def _best_videos(scores: Scores) -> torch.Tensor:
    found = [
        scores.rows(start, stop).argmax(dim=1)
        for start, stop in blocks(scores.texts, scores.videos)
    ]
    return torch.cat(found)
