"""How well a head tells what happens: figures on clips and sentences held out of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.heads.config import HeadConfig
from models.heads.make import make_head
from models.heads.tight import TightTransf
from models.identity import MEAN_POOLING
from models.metrics.retrieval import RetrievalMetrics, text_to_video_ranks, video_to_text_ranks
from models.training.text_video import TextVideoModel
from smallworld.training.cached_clips import CachedClips
from smallworld.training.evaluate_pictures import Tokenizer
from smallworld.training.held_out_clips import TimePair

# How many candidates, found by mean pooling, a re-ranker puts in order.
RERANKED = 50


@dataclass(frozen=True)
class Examination:
    """Held-out clips with a sentence for each, and pairs that differ in the direction of time.

    The frames of a pair are in `pairs` at 2i and 2i + 1.
    """

    clips: CachedClips
    sentences: tuple[str, ...]
    pairs: CachedClips
    pair_sentences: tuple[str, ...]


@dataclass(frozen=True)
class HeadFigures:
    """Percent. How many of the sentences of pairs choose the right clip of their two, half of them
    by chance: `chase_roles` where the reversal swaps who chases whom, `time_direction` elsewhere.
    """

    text_to_video_r1: float
    text_to_video_r5: float
    text_to_video_r10: float
    text_to_video_median_rank: float
    video_to_text_r1: float
    time_direction: float
    chase_roles: float


def figures(model: TextVideoModel, examination: Examination, tokenizer: Tokenizer) -> HeadFigures:
    """What a model with its head knows. A tight head re-ranks what mean pooling finds."""
    scores = _scores(model, examination.clips, tokenizer(list(examination.sentences)))
    forwards = RetrievalMetrics.of_ranks(text_to_video_ranks(scores))
    backwards = RetrievalMetrics.of_ranks(video_to_text_ranks(scores))
    right = _chosen_right(model, examination, tokenizer)
    chases = torch.tensor([clip.event == "chase" for clip in examination.pairs.clips])
    return HeadFigures(
        text_to_video_r1=round(forwards.r1, 1),
        text_to_video_r5=round(forwards.r5, 1),
        text_to_video_r10=round(forwards.r10, 1),
        text_to_video_median_rank=forwards.median_rank,
        video_to_text_r1=round(backwards.r1, 1),
        time_direction=_share(right[~chases]),
        chase_roles=_share(right[chases]),
    )


def pair_sentences(pairs: Sequence[TimePair]) -> tuple[str, ...]:
    """The sentence of each clip of the pairs, forwards and backwards by turns."""
    return tuple(caption.text for pair in pairs for caption in pair.captions)


@torch.inference_mode()
def _scores(model: TextVideoModel, cached: CachedClips, token_ids: torch.Tensor) -> torch.Tensor:
    """Scores of all sentences with all clips, shape: (sentences, clips)."""
    texts = model.embed_texts(token_ids)
    frames = cached.frame_embeddings.float()
    if isinstance(model.head, TightTransf):
        return _reranked(model.head, texts, cached)
    return functional.normalize(texts, dim=-1) @ model.embed_videos(frames, cached.mask).T


def _mean_pooled_cosines(texts: torch.Tensor, cached: CachedClips) -> torch.Tensor:
    mean_pool = make_head(HeadConfig(MEAN_POOLING, texts.shape[1]))
    videos = mean_pool(cached.frame_embeddings, cached.mask)
    return functional.normalize(texts, dim=-1) @ videos.T


def _reranked(head: TightTransf, texts: torch.Tensor, cached: CachedClips) -> torch.Tensor:
    """Mean pooling's scores, but for each text's best candidates, which come in the head's order.

    Shape: (sentences, clips); a row's numbers only say what comes before what.
    """
    scores = _mean_pooled_cosines(texts, cached)
    candidates = scores.topk(min(RERANKED, scores.shape[1]), dim=1).indices
    frames = cached.frame_embeddings.float()
    rows = [
        head(text[None], frames[found], cached.mask[found])[0]
        for text, found in zip(texts, candidates, strict=True)
    ]
    return lifted(scores, candidates, torch.stack(rows))


def lifted(
    scores: torch.Tensor, candidates: torch.Tensor, new_scores: torch.Tensor
) -> torch.Tensor:
    """The scores with each row's candidates put above all others, in the order of new scores.

    scores: (texts, videos); candidates and new_scores: (texts, candidates)
    """
    lowest = new_scores.min(dim=1, keepdim=True).values
    highest = scores.max(dim=1, keepdim=True).values
    return scores.scatter(1, candidates, new_scores - lowest + highest + 1)


@torch.inference_mode()
def _chosen_right(
    model: TextVideoModel, examination: Examination, tokenizer: Tokenizer
) -> torch.Tensor:
    """Whether each sentence scores higher with its own clip than with that one's reversal.

    bool, shape: (sentences of pairs,)
    """
    texts = model.embed_texts(tokenizer(list(examination.pair_sentences)))
    frames, mask = examination.pairs.frame_embeddings.float(), examination.pairs.mask
    right = torch.zeros(len(texts), dtype=torch.bool)
    for start in range(0, len(texts), 2):
        two = slice(start, start + 2)
        if isinstance(model.head, TightTransf):
            scores = model.head(texts[two], frames[two], mask[two])
        else:
            videos = model.embed_videos(frames[two], mask[two])
            scores = functional.normalize(texts[two], dim=-1) @ videos.T
        right[two] = scores.diagonal() > scores.flip(1).diagonal()
    return right


def _share(right: torch.Tensor) -> float:
    return round(100 * float(right.float().mean()), 1) if len(right) else 0.0
