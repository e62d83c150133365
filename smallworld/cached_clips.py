"""Clips as the picture tower sees them: frame embeddings made once, and batches to train heads on.

With batches of different things the thing alone tells the pairs apart, and no head learns what
happens. So most clips of a batch come in groups of the same things that do something else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.pair_batch import PairBatch
from smallworld.clip_claims import truth_tables
from smallworld.clip_frames import ClipPainter, frame_times_s
from smallworld.clip_sampler import ClipSampler
from smallworld.evaluate import Tokenizer, normalised
from smallworld.motion_captions import MotionCaptionWriter
from smallworld.motions import STILL
from smallworld.moving import Clip, is_held_out_motion
from smallworld.things import Thing

_CLIPS_AT_ONCE = 24
_GROUP_SIZE = 6
# Of the clips of a training set and of a batch; the others have nothing to do with each other.
_GROUPED_SHARE = 0.75
# Noise on the embeddings, in natural deviations, once for each clip and once for each frame. With
# none, heads came to know 24,000 clips by heart: more steps made them worse on unseen ones.
_CLIP_NOISE = _FRAME_NOISE = 0.3
_DEVIATION_CLIPS = 2000
# Clips that a batch shows with time reversed: twice the clips for one encoding.
_BACKWARDS_SHARE = 0.5


@dataclass(frozen=True)
class CachedClips:
    """Clips and their frame embeddings: float16 (clips, frames, dim), un-normalised.

    `mask` is bool (clips, frames), True where a frame is real.
    """

    clips: tuple[Clip, ...]
    frame_embeddings: torch.Tensor
    mask: torch.Tensor


def cache_clips(
    model: Any,
    painter: ClipPainter,
    clips: Sequence[Clip],
    *,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> CachedClips:
    """Draw the clips' frames as a library would take them and encode them with `model`."""
    rng = np.random.default_rng([seed, 7])
    times_s = [frame_times_s(clip.duration_s) for clip in clips]
    longest = max(len(times) for times in times_s)
    parts, masks = [], []
    for start in range(0, len(clips), _CLIPS_AT_ONCE):
        some = slice(start, start + _CLIPS_AT_ONCE)
        frames, mask = painter.frames(clips[some], times_s[some], rng=rng)
        embeddings = torch.zeros(len(frames), longest, model.visual.output_dim, dtype=torch.half)
        padded = torch.zeros(len(frames), longest, dtype=torch.bool)
        padded[:, : mask.shape[1]] = mask
        with torch.inference_mode():
            embeddings[padded] = model.encode_image(normalised(frames[mask].float() / 255)).half()
        parts.append(embeddings)
        masks.append(padded)
        progress(min(start + _CLIPS_AT_ONCE, len(clips)))
    return CachedClips(tuple(clips), torch.cat(parts), torch.cat(masks))


def training_clips(things: Sequence[Thing], *, seed: int, count: int) -> list[Clip]:
    """Clips to train on: groups of the same things, then clips that have nothing in common."""
    sampler = ClipSampler(things, np.random.default_rng([seed, 3]))
    groups = round(count * _GROUPED_SHARE / _GROUP_SIZE)
    clips = [clip for _ in range(groups) for clip in sampler.variants(_GROUP_SIZE)]
    return clips + [sampler.clip() for _ in range(count - len(clips))]


class ClipSource:
    """Batches of cached training clips with newly written captions; see `models.BatchSource`."""

    def __init__(
        self, cached: CachedClips, tokenizer: Tokenizer, *, batch_size: int, seed: int
    ) -> None:
        self._cached = cached
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._seed = seed
        some = slice(_DEVIATION_CLIPS)
        self._deviation = cached.frame_embeddings[some][cached.mask[some]].float().std(dim=0)
        self._groups = round(len(cached.clips) * _GROUPED_SHARE / _GROUP_SIZE)
        self.steps_per_epoch = max(1, len(cached.clips) // batch_size)

    def batch(self, step: int) -> PairBatch:
        """The pairs of a step. A caption that is also true of another clip does not count there."""
        rng = np.random.default_rng([self._seed, step])
        writer = MotionCaptionWriter(rng)
        grouped, alone = self._rows(rng)
        rows = [*grouped, *alone]
        backwards = [
            bool(rng.random() < _BACKWARDS_SHARE) and _may_run_backwards(self._cached.clips[row])
            for row in rows
        ]
        clips = [
            self._cached.clips[row].backward() if turned else self._cached.clips[row]
            for row, turned in zip(rows, backwards, strict=True)
        ]
        captions = [writer.caption(clip, telling=("motion",)) for clip in clips[: len(grouped)]]
        captions += [writer.caption(clip) for clip in clips[len(grouped) :]]
        true, arguable = truth_tables([caption.claim for caption in captions], clips)
        mask = self._cached.mask[rows]
        longest = int(mask.sum(dim=1).max())
        frame_embeddings = self._cached.frame_embeddings[rows][:, :longest].float()
        _turn_round(frame_embeddings, mask, backwards)
        _repeat_stills(frame_embeddings, clips, rng)
        frame_embeddings += self._noise(frame_embeddings, rng) * mask[:, :longest, None]
        return PairBatch(
            mask=mask[:, :longest],
            video_ids=torch.arange(len(rows)),
            token_ids=self._tokenizer([caption.text for caption in captions]),
            frame_embeddings=frame_embeddings,
            ignored=torch.from_numpy(true | arguable) & ~torch.eye(len(rows), dtype=torch.bool),
        )

    def _noise(self, frame_embeddings: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        clips, _, dim = frame_embeddings.shape
        each_frame = torch.randn(frame_embeddings.shape, generator=generator)
        each_clip = torch.randn(clips, 1, dim, generator=generator)
        return self._deviation * (_FRAME_NOISE * each_frame + _CLIP_NOISE * each_clip)

    def _rows(self, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """The rows of whole groups, and of clips that stand alone."""
        wanted = round(self._batch_size * _GROUPED_SHARE / _GROUP_SIZE)
        chosen = rng.permutation(self._groups)[:wanted]
        grouped = [int(group) * _GROUP_SIZE + i for group in chosen for i in range(_GROUP_SIZE)]
        first_alone = self._groups * _GROUP_SIZE
        alone = rng.permutation(len(self._cached.clips) - first_alone)
        return grouped, [first_alone + int(row) for row in alone[: self._batch_size - len(grouped)]]


def _may_run_backwards(clip: Clip) -> bool:
    """Whether the reversed clip is nothing that is kept for the tests."""
    backward = clip.backward()
    return not any(
        is_held_out_motion(placement.thing, backward.event, clip.picture.scene)
        for placement in clip.picture.placements
    )


def _turn_round(
    frame_embeddings: torch.Tensor, mask: torch.Tensor, backwards: Sequence[bool]
) -> None:
    """Put the real frames of the chosen clips in the opposite order."""
    for row, kept, turned in zip(frame_embeddings, mask.sum(dim=1), backwards, strict=True):
        if turned:
            row[:kept] = row[:kept].flip(0)


def _repeat_stills(
    frame_embeddings: torch.Tensor, clips: Sequence[Clip], rng: np.random.Generator
) -> None:
    """Let half of the still clips show one frame again and again, as a library stores them.

    It encodes near-identical frames once.
    """
    for row, clip in zip(frame_embeddings, clips, strict=True):
        if clip.event == STILL and rng.random() < 0.5:
            row[:] = row[0].clone()
