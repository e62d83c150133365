"""Batches of cached clips with newly written captions or labels, to train heads on.

With batches of different things the thing alone tells the pairs apart, and no head learns what
happens. So most clips of a batch come in groups of the same things that do something else.
"""

from collections.abc import Sequence

import numpy as np
import torch

from models.training.batches import LabelledBatch, PairBatch
from smallworld.clips.actions import arguable, holding
from smallworld.clips.motions import STILL
from smallworld.clips.moving import Clip, is_held_out_motion
from smallworld.training.cached_clips import GROUP_SIZE, GROUPED_SHARE, CachedClips
from smallworld.training.evaluate_pictures import Tokenizer
from smallworld.words.clip_claims import truth_tables
from smallworld.words.motion_captions import MotionCaptionWriter

# Noise on the embeddings, in natural deviations, once for each clip and once for each frame. With
# none, heads came to know 24,000 clips by heart: more steps made them worse on unseen ones.
_CLIP_NOISE = _FRAME_NOISE = 0.3
_DEVIATION_CLIPS = 2000
# Clips that a batch shows with time reversed: twice the clips for one encoding.
_BACKWARDS_SHARE = 0.5
# Shares of a batch: clips of two actions, and of none; the others show one action or none.
_DOUBLE_SHARE = 0.4375
_NONE_SHARE = 0.0625


class ClipVariation:
    """Cached clips with noise, some of them backwards."""

    def __init__(self, cached: CachedClips) -> None:
        self._cached = cached
        some = slice(_DEVIATION_CLIPS)
        self._deviation = cached.frame_embeddings[some][cached.mask[some]].float().std(dim=0)

    def draw(
        self, rows: Sequence[int], rng: np.random.Generator
    ) -> tuple[list[Clip], torch.Tensor, torch.Tensor]:
        """What the clips of these rows show now, their frame embeddings and mask.

        float32 (clips, frames, dim) and bool (clips, frames).
        """
        clips, backwards = partly_backwards([self._cached.clips[row] for row in rows], rng)
        mask = self._cached.mask[rows]
        mask = mask[:, : int(mask.sum(dim=1).max())]
        frame_embeddings = self._cached.frame_embeddings[rows][:, : mask.shape[1]].float()
        turn_round(frame_embeddings, mask, backwards)
        _repeat_stills(frame_embeddings, mask, clips, rng)
        frame_embeddings += self._noise(frame_embeddings, rng) * mask[:, :, None]
        return clips, frame_embeddings, mask

    def _noise(self, frame_embeddings: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        clips, _, dim = frame_embeddings.shape
        each_frame = torch.randn(frame_embeddings.shape, generator=generator)
        each_clip = torch.randn(clips, 1, dim, generator=generator)
        return self._deviation * (_FRAME_NOISE * each_frame + _CLIP_NOISE * each_clip)


class ClipSource:
    """Batches of cached training clips with newly written captions; see `BatchSource`."""

    def __init__(
        self, cached: CachedClips, tokenizer: Tokenizer, *, batch_size: int, seed: int
    ) -> None:
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._seed = seed
        self._variation = ClipVariation(cached)
        self._clips = len(cached.clips)
        self._groups = round(self._clips * GROUPED_SHARE / GROUP_SIZE)
        self.steps_per_epoch = max(1, self._clips // batch_size)

    def batch(self, step: int) -> PairBatch:
        """The pairs of a step. A caption that is also true of another clip does not count there."""
        rng = np.random.default_rng([self._seed, step])
        writer = MotionCaptionWriter(rng)
        grouped, alone = self._rows(rng)
        clips, frame_embeddings, mask = self._variation.draw([*grouped, *alone], rng)
        captions = [writer.caption(clip, telling=("motion",)) for clip in clips[: len(grouped)]]
        captions += [writer.caption(clip) for clip in clips[len(grouped) :]]
        true, arguable = truth_tables([caption.claim for caption in captions], clips)
        return PairBatch(
            mask=mask,
            video_ids=torch.arange(len(clips)),
            token_ids=self._tokenizer([caption.text for caption in captions]),
            frame_embeddings=frame_embeddings,
            ignored=torch.from_numpy(true | arguable) & ~torch.eye(len(clips), dtype=torch.bool),
        )

    def _rows(self, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """The rows of whole groups, and of clips that stand alone."""
        wanted = round(self._batch_size * GROUPED_SHARE / GROUP_SIZE)
        chosen = rng.permutation(self._groups)[:wanted]
        grouped = [int(group) * GROUP_SIZE + i for group in chosen for i in range(GROUP_SIZE)]
        first_alone = self._groups * GROUP_SIZE
        alone = rng.permutation(self._clips - first_alone)
        return grouped, [first_alone + int(row) for row in alone[: self._batch_size - len(grouped)]]


def partly_backwards(
    clips: Sequence[Clip], rng: np.random.Generator
) -> tuple[list[Clip], list[bool]]:
    """The clips, a share of them with time reversed, and which those are."""
    backwards = [bool(rng.random() < _BACKWARDS_SHARE) and _may_run_backwards(c) for c in clips]
    shown = [c.backward() if turned else c for c, turned in zip(clips, backwards, strict=True)]
    return shown, backwards


def _may_run_backwards(clip: Clip) -> bool:
    """Whether the reversed clip is nothing that is kept for the tests."""
    backward = clip.backward()
    return not any(
        is_held_out_motion(placement.thing, event, clip.picture.scene)
        for placement in clip.picture.placements
        for event in backward.actions or {STILL}
    )


def turn_round(frames: torch.Tensor, mask: torch.Tensor, backwards: Sequence[bool]) -> None:
    """Put the real frames of the chosen clips in the opposite order, in place."""
    for row, kept, turned in zip(frames, mask.sum(dim=1), backwards, strict=True):
        if turned:
            row[:kept] = row[:kept].flip(0)


def _repeat_stills(
    frame_embeddings: torch.Tensor,
    mask: torch.Tensor,
    clips: Sequence[Clip],
    rng: np.random.Generator,
) -> None:
    """Let half of the still clips show one frame again and again, as a library stores them.

    It encodes near-identical frames once.
    """
    for row, kept, clip in zip(frame_embeddings, mask.sum(dim=1), clips, strict=True):
        if clip.event == STILL and rng.random() < 0.5:
            row[:kept] = row[0].clone()


class ActionSource:
    """Cached training clips of one action, of two, and of none; see `BatchSource`."""

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
