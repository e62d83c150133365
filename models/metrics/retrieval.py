"""How well texts find their videos and videos their texts: ranks and what is made of them.

Scores are a matrix, shape (texts, videos), or anything that gives one out in blocks
(`models.metrics.scores`): `CosineScores` of embeddings never holds more than one block. Text i
belongs to video ``video_of_text[i]``; without that, to video i.
"""

from dataclasses import dataclass

import torch

from models.metrics.scores import Scores, StoredScores, blocks, check_not_nan


@dataclass(frozen=True)
class RetrievalMetrics:
    """Ranks summed up. Ranks begin at 1; ``r1`` and so on are percent of the queries.

    ``median_rank`` is the mean of the middle two for an even number of queries.
    """

    r1: float
    r5: float
    r10: float
    r50: float
    median_rank: float
    mean_rank: float
    count: int

    @classmethod
    def of_ranks(cls, ranks: torch.Tensor) -> "RetrievalMetrics":
        """The figures of the ranks (queries,), one for each query. ValueError without any."""
        if not len(ranks):
            raise ValueError("there are no queries to measure")
        known = ranks.double().cpu()
        r1, r5, r10, r50 = (100 * float((known <= k).double().mean()) for k in (1, 5, 10, 50))
        median_rank, mean_rank = float(known.quantile(0.5)), float(known.mean())
        return cls(r1, r5, r10, r50, median_rank, mean_rank, len(known))


@dataclass(frozen=True)
class BestMatches:
    """The best candidates of some queries, best first; shapes: (queries, k)."""

    positions: torch.Tensor
    scores: torch.Tensor


def ranks(similarities: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The rank of the right candidate for each query: 1 + how many others are as good or better.

    So ties count against the query: a model that gives everything the same score is worst.

    similarities: (queries, candidates); right: (queries,), position of the right candidate.
    returns: (queries,), int64

    Raises ScoresNotFinite for NaN.
    """
    check_not_nan(similarities)
    own = similarities.gather(1, right.to(similarities.device)[:, None])
    return (similarities >= own).sum(dim=1)


def text_to_video_ranks(
    scores: torch.Tensor | Scores, video_of_text: torch.Tensor | None = None
) -> torch.Tensor:
    """The rank of each text's video among all videos; shape: (texts,), int64."""
    scores = _scores(scores)
    right = _video_of_text(scores, video_of_text)
    found = [
        ranks(scores.rows(start, stop), right[start:stop])
        for start, stop in blocks(scores.texts, scores.videos)
    ]
    return torch.cat(found).cpu()


def video_to_text_ranks(
    scores: torch.Tensor | Scores, video_of_text: torch.Tensor | None = None
) -> torch.Tensor:
    """The rank of each video's own texts among the groups of texts; shape: (videos,), int64.

    A video's score with a group, which are all texts of one video, is the best score with any
    text of the group. This is easier than finding one's text among all texts one by one.

    Raises ValueError for a video that has no text: it has no right answer.
    """
    scores = _scores(scores)
    groups = _video_of_text(scores, video_of_text)
    _check_each_has_text(groups, scores.videos)
    found = []
    for start, stop in blocks(scores.videos, scores.texts):
        best = _best_of_groups(scores.columns(start, stop), groups, scores.videos)
        found.append(ranks(best.T, torch.arange(start, stop)))
    return torch.cat(found).cpu()


def text_to_video(
    scores: torch.Tensor | Scores, video_of_text: torch.Tensor | None = None
) -> RetrievalMetrics:
    """Every text is a query over all videos.

    Raises ScoresNotFinite for NaN.
    """
    return RetrievalMetrics.of_ranks(text_to_video_ranks(scores, video_of_text))


def video_to_text(
    scores: torch.Tensor | Scores, video_of_text: torch.Tensor | None = None
) -> RetrievalMetrics:
    """Every video is a query over the groups of texts, by the best text (`video_to_text_ranks`).

    Raises ScoresNotFinite for NaN, ValueError for a video without text.
    """
    return RetrievalMetrics.of_ranks(video_to_text_ranks(scores, video_of_text))


def best_videos(scores: torch.Tensor | Scores, k: int) -> BestMatches:
    """The ``k`` best videos of every text (all, if there are fewer)."""
    scores = _scores(scores)
    found = [
        scores.rows(start, stop).topk(min(k, scores.videos), dim=1)
        for start, stop in blocks(scores.texts, scores.videos)
    ]
    return _joined(found)


def best_texts(scores: torch.Tensor | Scores, k: int) -> BestMatches:
    """The ``k`` best texts of every video (all, if there are fewer)."""
    scores = _scores(scores)
    found = [
        scores.columns(start, stop).T.topk(min(k, scores.texts), dim=1)
        for start, stop in blocks(scores.videos, scores.texts)
    ]
    return _joined(found)


def _joined(found: list[torch.return_types.topk]) -> BestMatches:
    return BestMatches(
        positions=torch.cat([part.indices for part in found]).cpu(),
        scores=torch.cat([part.values for part in found]).cpu(),
    )


def _scores(scores: torch.Tensor | Scores) -> Scores:
    return StoredScores(scores) if isinstance(scores, torch.Tensor) else scores


def _video_of_text(scores: Scores, video_of_text: torch.Tensor | None) -> torch.Tensor:
    if video_of_text is None:
        if scores.texts != scores.videos:
            raise ValueError(
                f"{scores.texts} texts and {scores.videos} videos: say which text is whose"
            )
        return torch.arange(scores.texts)
    if len(video_of_text) != scores.texts:
        raise ValueError(f"video_of_text names {len(video_of_text)} texts, not {scores.texts}")
    return video_of_text.cpu()


def _check_each_has_text(groups: torch.Tensor, videos: int) -> None:
    counts = torch.bincount(groups, minlength=videos)
    if (counts == 0).any():
        raise ValueError(f"video {int((counts == 0).nonzero()[0])} has no text to be found")


def _best_of_groups(block: torch.Tensor, groups: torch.Tensor, videos: int) -> torch.Tensor:
    """(texts, columns) → (videos, columns), the greatest score over each video's texts."""
    check_not_nan(block)  # the greatest of some numbers and NaN need not be NaN
    if len(groups) == videos and torch.equal(groups, torch.arange(videos)):
        return block
    best = block.new_full((videos, block.shape[1]), -torch.inf)
    places = groups.to(block.device)[:, None].expand_as(block)
    return best.scatter_reduce_(0, places, block, "amax")
