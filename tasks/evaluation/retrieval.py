"""`kinodex evaluate retrieval`: from a dataset to a table of recalls."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from indexer.datasets.annotations import read_lines
from indexer.datasets.captions.loading import load_dataset, usual_count
from indexer.datasets.clips import Dataset, DatasetError
from indexer.datasets.frames.cache import FrameCache, default_cache_folder
from indexer.datasets.frames.order import FORWARD, FrameOrder
from indexer.datasets.frames.scoring import ClipScorer, embed_captions
from indexer.reading.sampling import Sampling
from models.clip.backbone import Backbone
from models.errors import KinodexError
from models.files import typed_path
from models.heads.card import UNIFORM
from models.heads.checkpoints import LoadedHead, default_head, load_head
from models.metrics.retrieval import RetrievalMetrics, text_to_video_ranks, video_to_text_ranks
from models.metrics.scores import Scores, dual_softmax, query_bank_normalised
from search.catalog.settings import QUERY_AWARE
from search.heads import choose_head, with_file
from tasks.evaluation.retrieval_report import (
    TEXT_TO_VIDEO,
    VIDEO_TO_TEXT,
    Measured,
    RetrievalRow,
    print_recalls,
    write_queries,
)
from tasks.terminal.bars import fill, say_left_out
from tasks.terminal.model_flags import ModelFlags, load_talking
from tasks.terminal.outcomes import Exit
from tasks.training.retrieval import check_order

_USUAL_FRAMES, _USUAL_RATE = 12, 1.0
# QB-Norm gains hardly anything from more; encoding all of a training split would take hours.
_BANK_CAPTIONS = 5000
_BANK_SCALE = 20.0


@dataclass(frozen=True)
class RetrievalRequest:
    """What was asked for on the command line."""

    data: str
    videos: Path | None
    split: str
    flags: ModelFlags
    head: str | None = None
    frames: int | None = None
    frame_rate: float | None = None
    choose: Literal["uniform", "head", "tail"] | None = None
    order: FrameOrder = FORWARD
    max_words: int | None = None
    by: Literal["time", "frames"] | None = None
    dual_softmax: bool = False
    query_bank: str | None = None
    per_query: Path | None = None
    cache: Path | None = None


def evaluate_retrieval(request: RetrievalRequest, *, as_json: bool) -> int:
    """Measure, print the table, say what was left out; → the exit code."""
    dataset = load_dataset(request.data, videos=request.videos, split=request.split)
    bank = _bank_captions(request, dataset) if request.query_bank else []
    backbone = load_talking(request.flags.or_usual(), request.flags)
    check_order(request.order, backbone, made_before=True)
    if request.max_words is not None:
        backbone = backbone.reading_at_most(request.max_words)
    head = _load_head(request, backbone)
    cache = FrameCache.of_embeddings(
        typed_path(request.cache or default_cache_folder()), backbone, _sampling(request, head)
    )
    filled = fill(cache, dataset.windows)
    dataset = dataset.without(filled.failed)
    if not dataset.clips:
        say_left_out(filled)
        raise DatasetError(f"none of the videos of {dataset.name} can be decoded")
    scorer = ClipScorer(
        head.head if head else None,
        cache,
        dataset.windows,
        device=backbone.device,
        order=request.order,
    )
    measured = _measure(dataset, scorer, backbone)
    rows = list(_rows(request, measured, head, scorer, backbone, bank))
    print_recalls(rows, measured.dataset, filled, as_json=as_json)
    say_left_out(filled)
    if request.per_query is not None:
        write_queries(request.per_query, measured)
    return Exit.SOME_FAILED if filled.failed else Exit.DONE


def _load_head(request: RetrievalRequest, backbone: Backbone) -> LoadedHead | None:
    """None for the query-aware head, which has no weights."""
    if request.head == QUERY_AWARE:
        return None
    model = backbone.choice
    shipped = default_head(model)
    asked = with_file(choose_head(request.head), shipped) if request.head else shipped
    return load_head(asked, backbone.identity, backbone.dim)


def _sampling(request: RetrievalRequest, head: LoadedHead | None) -> Sampling:
    """What was asked for; where nothing was, as the head was trained."""
    card = head.card if head else None
    frames, rate = (card.frames, card.frame_rate) if card else (_USUAL_FRAMES, _USUAL_RATE)
    asked_rate = request.frame_rate
    choose: Any = request.choose or (card.choose if card else UNIFORM)
    return Sampling(
        request.frames or frames,
        rate if asked_rate is None else asked_rate,
        choose,
        request.by or usual_count(request.data),
    )


def _bank_captions(request: RetrievalRequest, measured: Dataset) -> list[str]:
    """Captions that are no queries, a few thousand at most, taken evenly from all there are."""
    named = request.query_bank or ""
    file = typed_path(named)
    if file.is_file():
        captions = [text for _, text in read_lines(file)]
    else:
        bank = load_dataset(request.data, videos=request.videos, split=named)
        captions = bank.captions
        if not set(bank.video_ids).isdisjoint(measured.video_ids):
            raise KinodexError(
                f"the query bank {named!r} holds captions of videos that are measured: name "
                "another split, or a text file with captions"
            )
    captions = list(dict.fromkeys(captions))
    if not captions:
        raise KinodexError(f"there is no caption in the query bank {named!r}")
    return captions[:: math.ceil(len(captions) / _BANK_CAPTIONS)]


def _measure(dataset: Dataset, scorer: ClipScorer, backbone: Backbone) -> Measured:
    scores = scorer.scores(embed_captions(backbone, dataset.captions))
    return Measured(dataset, scores, _both_ranks(scores, dataset))


def _both_ranks(scores: Scores, dataset: Dataset) -> dict[str, torch.Tensor]:
    video_of_text = torch.tensor(dataset.video_of_clip)
    return {
        TEXT_TO_VIDEO: text_to_video_ranks(scores, video_of_text),
        VIDEO_TO_TEXT: video_to_text_ranks(scores, video_of_text),
    }


def _rows(
    request: RetrievalRequest,
    measured: Measured,
    head: LoadedHead | None,
    scorer: ClipScorer,
    backbone: Backbone,
    bank: list[str],
) -> Iterator[RetrievalRow]:
    for direction, ranks in measured.ranks.items():
        yield RetrievalRow("plain", direction, RetrievalMetrics.of_ranks(ranks))
    scale = _logit_scale(head, backbone)
    if request.dual_softmax:
        doubled = dual_softmax(measured.scores, scale=scale)
        for direction, ranks in _both_ranks(doubled, measured.dataset).items():
            yield RetrievalRow("dual softmax", direction, RetrievalMetrics.of_ranks(ranks))
    if bank:
        bank_scores = scorer.scores(embed_captions(backbone, bank))
        bank_scale = min(scale, _BANK_SCALE)
        normalised = query_bank_normalised(measured.scores, bank_scores, scale=bank_scale)
        ranks = text_to_video_ranks(normalised, torch.tensor(measured.dataset.video_of_clip))
        yield RetrievalRow("query bank", TEXT_TO_VIDEO, RetrievalMetrics.of_ranks(ranks))


def _logit_scale(head: LoadedHead | None, backbone: Backbone) -> float:
    """What cosines are multiplied by to be logits; 1 for a head that gives logits."""
    if head and head.identity.name == "tightTransf":
        return 1.0
    if head and head.card:
        return math.exp(head.card.logit_scale)
    return math.exp(backbone.logit_scale)
