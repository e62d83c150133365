"""Batches of cached clips with their labels, to train action heads on."""

import numpy as np

from models.labelled_batch import LabelledBatch
from smallworld.actions import arguable, holding
from smallworld.cached_clips import CachedClips
from smallworld.clip_source import ClipVariation

# Shares of a batch: clips of two actions, and of none; the others show one action or none.
_DOUBLE_SHARE = 0.4375
_NONE_SHARE = 0.0625


class ActionSource:
    """Cached training clips of one action, of two, and of none; see `LabelledSource`."""

    def __init__(
        self,
        single: CachedClips,
        double: CachedClips,
        none: CachedClips,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        joined = CachedClips.joined([single, double, none])
        self._variation = ClipVariation(joined)
        self._seed = seed
        counts = [len(part.clips) for part in (single, double, none)]
        self._starts = np.cumsum([0, *counts])
        two, no = round(batch_size * _DOUBLE_SHARE), round(batch_size * _NONE_SHARE)
        self._shares = (batch_size - two - no, two, no)
        self.steps_per_epoch = max(1, counts[0] // batch_size)

    def batch(self, step: int) -> LabelledBatch:
        """The clips of a step."""
        rng = np.random.default_rng([self._seed, step])
        rows = [
            int(row)
            for share, start, stop in zip(
                self._shares, self._starts[:-1], self._starts[1:], strict=True
            )
            for row in rng.integers(start, stop, size=share)
        ]
        clips, frame_embeddings, mask = self._variation.draw(rows, rng)
        return LabelledBatch(
            mask=mask,
            labels=holding(clips),
            arguable=arguable(clips),
            frame_embeddings=frame_embeddings,
        )
