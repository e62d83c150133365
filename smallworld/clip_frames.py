"""Batches of clips as tensors of frames, made from a seed and a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from smallworld.clip_claims import truth_tables
from smallworld.clip_sampler import ClipSampler
from smallworld.damage import damage
from smallworld.motion_captions import ClipCaption, MotionCaptionWriter
from smallworld.motions import STILL
from smallworld.moving import Clip
from smallworld.render import compose
from smallworld.scenes import SCENES
from smallworld.sprites import SpriteAtlas
from smallworld.stills import IMAGE_SIZE, POOL_SIZE, scene_pool
from smallworld.things import Thing
from smallworld.threads import one_thread

# How a library takes frames of a segment unless told otherwise.
SAMPLE_RATE = 2.0
FEWEST_FRAMES = 8
# It holds frames on a grid so many times finer until it knows how long the segment is.
_FINEST = 64

_GROUP_SIZE = 4
_GROUPED_SHARE = 0.75
# The longest way of the camera in a clip, in heights of the picture.
_LONGEST_PAN = 0.18
# Clips are drawn a few at a time: all at once no longer fits the processor's cache.
_CLIPS_AT_ONCE = 8


@dataclass(frozen=True)
class ClipBatch:
    """`frames` is uint8, shape: (clips, frames, 3, 64, 64); `mask` is True where one is real.

    `matches[i, j]` tells whether caption i is true of clip j, `arguable[i, j]` whether one could
    argue about it: such a pair is neither right nor wrong.
    """

    frames: torch.Tensor
    mask: torch.Tensor
    clips: tuple[Clip, ...]
    captions: tuple[ClipCaption, ...]
    matches: torch.Tensor
    arguable: torch.Tensor


def frame_times_s(duration_s: float) -> np.ndarray:
    """When a library takes the frames of a clip that is one segment: evenly, the first at 0."""
    step_s = 1 / (SAMPLE_RATE * _FINEST)
    while step_s < 1 / SAMPLE_RATE and duration_s / step_s > 2 * FEWEST_FRAMES:
        step_s *= 2
    times_s = np.arange(0, duration_s, step_s)
    count = max(FEWEST_FRAMES, round(duration_s * SAMPLE_RATE))
    if len(times_s) <= count + 1:
        return times_s
    return times_s[np.round(np.linspace(0, len(times_s) - 1, count)).astype(int)]


def even_times_s(duration_s: float, count: int) -> np.ndarray:
    """`count` times in the middles of equal parts, the same from either end."""
    return (np.arange(count) + 0.5) * (duration_s / count)


def reversed_frames(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The same frames in the other order; those that are not real stay at the end.

    What a clip shows backwards, exactly, if its times are the same from either end.
    """
    lengths, positions = mask.sum(dim=1, keepdim=True), torch.arange(mask.shape[1])[None]
    order = torch.where(mask, lengths - 1 - positions, positions)
    return frames[torch.arange(len(frames))[:, None], order]


class ClipMaker:
    """Makes batches; drawing the scenes once, in several variants each, makes it fast."""

    def __init__(
        self,
        things: Sequence[Thing],
        atlas: SpriteAtlas,
        *,
        seed: int,
        scene_variants: int = 40,
    ) -> None:
        self._things = things
        self._atlas = atlas
        self._seed = seed
        self._scene_variants = scene_variants
        self._pool = scene_pool(seed, scene_variants)

    def training_batch(self, step: int, *, size: int, frame_count: int | None = None) -> ClipBatch:
        """The batch of one training step; the same step always gives the same batch.

        Three quarters of the clips come in groups of the same things in the same scene, in which
        other things happen. `frame_count` as in `batch`.
        """
        rng = np.random.default_rng([self._seed, step])
        clips, captions = self.training_clips(rng, size=size)
        return self.batch(clips, captions, rng=rng, frame_count=frame_count)

    def training_clips(
        self, rng: np.random.Generator, *, size: int
    ) -> tuple[list[Clip], list[ClipCaption]]:
        """Clips and captions of a training batch, without drawing them."""
        sampler, writer = ClipSampler(self._things, rng), MotionCaptionWriter(rng)
        told: list[tuple[Clip, ClipCaption]] = []
        for _ in range(round(size * _GROUPED_SHARE / _GROUP_SIZE)):
            group = sampler.variants(_GROUP_SIZE)
            told += [(clip, writer.caption(clip, telling=_telling(clip, group))) for clip in group]
        while len(told) < size:
            clip = sampler.clip()
            told.append((clip, writer.caption(clip)))
        return [clip for clip, _ in told], [caption for _, caption in told]

    def batch(
        self,
        clips: Sequence[Clip],
        captions: Sequence[ClipCaption],
        *,
        rng: np.random.Generator,
        frame_count: int | None = None,
    ) -> ClipBatch:
        """The clips drawn and damaged, beside their captions.

        Frames are taken as a library takes them, or `frame_count` of each clip at even times.
        """
        times_s = [
            even_times_s(clip.duration_s, frame_count)
            if frame_count
            else frame_times_s(clip.duration_s)
            for clip in clips
        ]
        frames, mask = self.frames(clips, times_s, rng=rng)
        true, arguable = truth_tables([caption.claim for caption in captions], clips)
        return ClipBatch(
            frames=frames,
            mask=mask,
            clips=tuple(clips),
            captions=tuple(captions),
            matches=torch.from_numpy(true),
            arguable=torch.from_numpy(arguable),
        )

    def frames(
        self, clips: Sequence[Clip], times_s: Sequence[np.ndarray], *, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Each clip drawn at its own times since its start, and which frames are real.

        uint8, shape: (clips, frames, 3, 64, 64), and bool, shape: (clips, frames). A clip's frames
        share scene, light and blur; where there are fewer than in the longest, the rest is black.
        """
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        lengths = torch.tensor([len(times) for times in times_s])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        frames = torch.zeros(*mask.shape, 3, IMAGE_SIZE, IMAGE_SIZE, dtype=torch.uint8)
        with one_thread():
            for start in range(0, len(clips), _CLIPS_AT_ONCE):
                some = slice(start, start + _CLIPS_AT_ONCE)
                drawn = self._drawn(clips[some], times_s[some], generator)
                frames[some][mask[some]] = drawn
        return frames, mask

    def _drawn(
        self, clips: Sequence[Clip], times_s: Sequence[np.ndarray], generator: torch.Generator
    ) -> torch.Tensor:
        """The frames one after the other, uint8."""
        pictures = [
            clip.picture_at(float(elapsed_s))
            for clip, times in zip(clips, times_s, strict=True)
            for elapsed_s in times
        ]
        backgrounds = torch.cat(
            [self._background(clip, times) for clip, times in zip(clips, times_s, strict=True)]
        )
        lengths = [len(times) for times in times_s]
        shown = compose(backgrounds, pictures, self._atlas)
        damaged = damage(shown, generator, clip_lengths=lengths)
        return damaged.mul_(255).round_().to(torch.uint8)

    def _background(self, clip: Clip, times_s: np.ndarray) -> torch.Tensor:
        """The window of the scene that the camera sees at each time, (frames, 3, 64, 64).

        The scene's seed fixes the window, so that variants of a clip have the same.
        """
        picture = clip.picture
        row = SCENES.index(picture.scene) * self._scene_variants
        scene = self._pool[row + picture.scene_seed % self._scene_variants]
        zoom, across, down, mirrored = np.random.default_rng(picture.scene_seed).random(4)
        zoom = 0.7 + 0.3 * zoom
        side = zoom * POOL_SIZE[1] / POOL_SIZE[0]
        room = max(0.0, 1 - side * (1 + 2 * _LONGEST_PAN))
        ways = torch.tensor([clip.camera_at(float(elapsed_s)) for elapsed_s in times_s])
        theta = torch.zeros(len(times_s), 2, 3)
        theta[:, 0, 0] = side if mirrored < 0.5 else -side
        theta[:, 1, 1] = zoom
        theta[:, 0, 2] = room * (2 * across - 1) + 2 * theta[:, 0, 0] * ways
        theta[:, 1, 2] = (1 - zoom) * (2 * down - 1)
        size = [len(times_s), 3, IMAGE_SIZE, IMAGE_SIZE]
        grid = functional.affine_grid(theta, size, align_corners=False)
        scenes = scene.float().div_(255).expand(len(times_s), -1, -1, -1)
        return functional.grid_sample(scenes, grid, align_corners=False, padding_mode="border")


def _telling(clip: Clip, group: Sequence[Clip]) -> tuple[str, ...]:
    """What must be said of a clip to tell it from the others of its group."""
    alike = sum(bool(_seen(clip) & _seen(other)) for other in group)
    return ("motion", "speed") if alike > 1 else ("motion",)


def _seen(clip: Clip) -> frozenset[str]:
    return frozenset().union(*clip.motions) - {STILL}
