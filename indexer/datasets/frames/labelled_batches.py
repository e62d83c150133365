"""Training batches of labelled clips whose frames are cached: a pure function of the step."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from indexer.datasets.clips import ClipWindow, DatasetError
from indexer.datasets.frames.augmentation import Augmentation
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.labelled import LabelledDataset
from indexer.reading.sampling import SegmentSampling
from models.training.batches import LabelledBatch

# Kinds of chance, so that one seed gives each its own.
_SHIFTS, _CHANGES = 7, 13


class LabelledClips:
    """Batches of clips with their labels: a `BatchSource` for training.

    Every clip comes once an epoch, in another order each time; what is left over at its end is
    left out. Each time another frame is taken from each segment, and pixels are changed by
    ``augmentation``. Every process of several makes the same batches; the trainer takes each
    one's share.

    ``cache`` must hold frames of a `SegmentSampling`. Raises DatasetError when there is not
    enough for one batch.
    """

    def __init__(
        self,
        dataset: LabelledDataset,
        cache: FrameCache,
        *,
        batch_size: int,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._dataset, self._cache = dataset, cache
        self._sampling = segment_sampling_of(cache)
        self._batch_size, self._seed = batch_size, seed
        self._augmentation = augmentation
        self._targets = torch.from_numpy(dataset.targets)
        self.steps_per_epoch = len(dataset) // batch_size
        if self.steps_per_epoch < 1:
            raise DatasetError(
                f"{dataset.name} has {len(dataset)} clips in its split {dataset.split!r}: too few "
                f"for one batch of {batch_size}: choose a smaller batch"
            )
        self._order = lru_cache(maxsize=2)(self._epoch_order)

    def batch(self, step: int) -> LabelledBatch:
        """The batch of a step, the same whenever it is asked for."""
        clips = self._clips_of(step)
        random = np.random.default_rng([self._seed, step, _SHIFTS])
        rows = self._sampling.shifted(len(clips), random)
        windows = [self._dataset.windows[clip] for clip in clips]
        labels = self._targets[clips]
        if self._augmentation is not None:
            pixels = self._changed(windows, rows, step)
            mask = torch.ones(pixels.shape[:2], dtype=torch.bool)  # segments give a frame each
            return LabelledBatch(mask=mask, labels=labels, pixels=pixels)
        frames, mask = self._cache.batch(windows, rows=rows)
        is_pixels = frames.dtype == torch.uint8
        return LabelledBatch(
            mask=mask,
            labels=labels,
            frame_embeddings=None if is_pixels else frames.float(),
            pixels=frames if is_pixels else None,
        )

    def _clips_of(self, step: int) -> list[int]:
        epoch, position = divmod(step, self.steps_per_epoch)
        start = position * self._batch_size
        clips: list[int] = self._order(epoch)[start : start + self._batch_size].tolist()
        return clips

    def _epoch_order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, epoch]).permutation(len(self._dataset))

    def _changed(self, windows: list[ClipWindow], rows: np.ndarray, step: int) -> torch.Tensor:
        assert self._augmentation is not None  # noqa: S101 - only then it is asked
        changed = [
            self._augmentation(
                self._cache.frames_of(window, rows[clip]),
                np.random.default_rng([self._seed, step, clip, _CHANGES]),
            )
            for clip, window in enumerate(windows)
        ]
        return torch.stack(changed)


def segment_sampling_of(cache: FrameCache) -> SegmentSampling:
    """How a cache's clips were sampled. Raises ValueError if not by segments."""
    if not isinstance(cache.sampling, SegmentSampling):
        raise ValueError("labelled clips are sampled by segments: use a cache of SegmentSampling")
    return cache.sampling


def centre_frames(
    dataset: LabelledDataset, cache: FrameCache, start: int, stop: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and mask of some clips, from the segments' centres, to measure with."""
    windows = dataset.windows[start:stop]
    frames, mask = cache.batch(windows, rows=segment_sampling_of(cache).centred(len(windows)))
    return (frames if frames.dtype == torch.uint8 else frames.float()), mask
