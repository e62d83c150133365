"""The frames of clips as a model sees them: when they are taken, and how they look."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from models.threads import one_thread
from smallworld.clips.moving import Clip
from smallworld.stills.damage import damage
from smallworld.stills.render import compose
from smallworld.stills.scenes import SCENES
from smallworld.stills.sprites import SpriteAtlas
from smallworld.training.still_batches import IMAGE_SIZE, POOL_SIZE, scene_pool

# How a library takes frames of a segment unless told otherwise.
SAMPLE_RATE = 2.0
FEWEST_FRAMES = 8
# Until a library knows how long a segment is, its grid of frames is finer by this factor.
_FINEST = 64

# The longest way of the camera in a clip, in heights of the picture.
_LONGEST_PAN = 0.18
# Clips are drawn a few at a time: all at once no longer fits the processor's cache.
_CLIPS_AT_ONCE = 8


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


class ClipPainter:
    """Draws the frames of clips, over scenes that it draws once, in several variants each."""

    def __init__(self, atlas: SpriteAtlas, *, seed: int, scene_variants: int = 40) -> None:
        self._atlas = atlas
        self._scene_variants = scene_variants
        self._pool = scene_pool(seed, scene_variants)

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
