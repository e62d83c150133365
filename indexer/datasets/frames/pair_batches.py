"""Training batches from a dataset whose frames are cached: a pure function of the step."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch

from indexer.datasets.clips import Dataset, DatasetError
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.order import FORWARD, FrameOrder, in_order
from models.training.batches import PairBatch

Tokenize = Callable[[list[str]], torch.Tensor]
# Tries to swap duplicates away by chance; when they fail, batches are filled in turn.
_TRIES = 100
_FRAMES = 17  # a kind of chance, so that one seed gives each its own


@dataclass(frozen=True)
class BatchPlan:
    """How the pairs of an epoch are put into batches.

    batch_size: pairs in a batch, over all processes together; what is left at the end of an epoch
        is left out (each epoch something else).
    pairs: "expanded" passes over all captions each epoch, "one_caption" takes one caption of every
        video, chosen by chance.
    unique_videos: no batch holds two captions of one video.
    order: of the frames of each video; shuffled ones are shuffled anew each time.
    """

    batch_size: int
    pairs: Literal["expanded", "one_caption"] = "expanded"
    unique_videos: bool = False
    seed: int = 42
    order: FrameOrder = FORWARD


class PairSource:
    """Batches of captions with their videos' cached frames: a `BatchSource` for training.

    Every process of several makes the same batches; the trainer takes each one's share.
    ``video_ids`` of a batch are positions in the dataset's videos, so they agree between them.

    Exactly one of ``tokenize`` (the text tower is trained) and ``text_embeddings`` (it is not;
    shape: (captions, dim), in the order of ``dataset.clips``) must be given.

    Raises DatasetError when there is not enough for one batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        cache: FrameCache,
        plan: BatchPlan,
        *,
        tokenize: Tokenize | None = None,
        text_embeddings: torch.Tensor | None = None,
    ) -> None:
        if (tokenize is None) == (text_embeddings is None):
            raise ValueError("give either tokenize or text_embeddings")
        self._dataset, self._cache = dataset, cache
        self._tokenize, self._text_embeddings = tokenize, text_embeddings
        self._plan = plan
        self._orders = _Orders(np.array(dataset.video_of_clip, np.int64), plan)
        self.steps_per_epoch = self._orders.batches
        if self.steps_per_epoch < 1:
            raise DatasetError(
                f"{dataset.name} has {len(dataset.clips)} captions of {len(dataset.video_ids)} "
                f"videos in its split {dataset.split!r}: too few for one batch of "
                f"{plan.batch_size}: choose a smaller batch"
            )

    def batch(self, step: int) -> PairBatch:
        """The batch of a step, the same whenever it is asked for."""
        epoch, position = divmod(step, self.steps_per_epoch)
        clips = self._orders.epoch(epoch)[position].tolist()
        videos = [self._dataset.video_of_clip[clip] for clip in clips]
        stored, mask = self._cache.batch([self._dataset.windows[video] for video in videos])
        random = np.random.default_rng([self._plan.seed, step, _FRAMES])
        stored = in_order(stored, mask, self._plan.order, random)
        is_pixels = stored.dtype == torch.uint8
        return PairBatch(
            token_ids=self._token_ids(clips),
            text_embeddings=None if self._text_embeddings is None else self._text_embeddings[clips],
            frame_embeddings=None if is_pixels else stored.float(),
            pixels=stored if is_pixels else None,
            mask=mask,
            video_ids=torch.tensor(videos, dtype=torch.int64),
        )

    def _token_ids(self, clips: Sequence[int]) -> torch.Tensor | None:
        if self._tokenize is None:
            return None
        return self._tokenize([self._dataset.clips[clip].caption for clip in clips])


class _Orders:
    """Which clips are in which batch, epoch by epoch."""

    def __init__(self, video_of_clip: np.ndarray, plan: BatchPlan) -> None:
        self._video_of_clip, self._plan = video_of_clip, plan
        self._captions = np.bincount(video_of_clip) if len(video_of_clip) else np.zeros(0, int)
        if plan.pairs == "one_caption":
            self.batches = len(self._captions) // plan.batch_size
        elif plan.unique_videos:
            self.batches = _most_unique_batches(self._captions, plan.batch_size)
        else:
            self.batches = len(video_of_clip) // plan.batch_size
        self.epoch = lru_cache(maxsize=2)(self._epoch)

    def _epoch(self, epoch: int) -> np.ndarray:
        """Positions of clips; shape: (batches, batch_size)."""
        random = np.random.default_rng([self._plan.seed, epoch])
        order = random.permutation(len(self._video_of_clip))
        if self._plan.pairs == "one_caption":
            order = self._up_to(1, order)
            random.shuffle(order)
        elif self._plan.unique_videos:
            order = self._up_to(self.batches, order)
        used = order[: self.batches * self._plan.batch_size]
        if self._plan.unique_videos:
            return _without_repeats(used, self._video_of_clip, self.batches, random)
        return used.reshape(self.batches, self._plan.batch_size)

    def _up_to(self, most: int, order: np.ndarray) -> np.ndarray:
        """The order with the first ``most`` clips of each video and no others."""
        by_video = order[np.argsort(self._video_of_clip[order], kind="stable")]
        starts = np.cumsum(self._captions) - self._captions
        number = np.arange(len(order)) - np.repeat(starts, self._captions)
        kept = np.zeros(len(order), bool)
        kept[by_video[number < most]] = True
        return order[kept[order]]


def _most_unique_batches(captions: np.ndarray, batch_size: int) -> int:
    """How many batches of different videos can be made, from the number of each video's captions.

    Such m batches exist exactly if Σ min(captions, m) ≥ m · batch_size.
    """
    possible = range(1, int(captions.sum()) // batch_size + 1)
    return bisect_left(possible, True, key=lambda m: np.minimum(captions, m).sum() < m * batch_size)


def _without_repeats(
    order: np.ndarray, video_of_clip: np.ndarray, batches: int, random: np.random.Generator
) -> np.ndarray:
    """The order as batches, with repeated videos swapped into batches that lack them."""
    table = order.reshape(batches, -1).copy()
    videos = video_of_clip[table]
    for batch in range(batches):
        for place in _repeats(videos[batch]):
            if not _swap_away(table, videos, batch, place, random):
                return _in_turn(order, video_of_clip, batches)
    return table


def _repeats(videos: np.ndarray) -> np.ndarray:
    _, first = np.unique(videos, return_index=True)
    return np.setdiff1d(np.arange(len(videos)), first)


def _swap_away(
    table: np.ndarray, videos: np.ndarray, batch: int, place: int, random: np.random.Generator
) -> bool:
    for _ in range(_TRIES):
        other = int(random.integers(len(table)))
        spot = int(random.integers(table.shape[1]))
        if videos[batch, place] in videos[other] or videos[other, spot] in videos[batch]:
            continue
        for both in (table, videos):
            both[batch, place], both[other, spot] = both[other, spot], both[batch, place]
        return True
    return False


def _in_turn(order: np.ndarray, video_of_clip: np.ndarray, batches: int) -> np.ndarray:
    """Clips of one video side by side, dealt to the batches in turn: they never meet."""
    by_video = order[np.argsort(video_of_clip[order], kind="stable")]
    return by_video.reshape(-1, batches).T
