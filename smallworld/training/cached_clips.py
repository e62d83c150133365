"""Clips as the picture tower sees them: frame embeddings made once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from smallworld.clips.moving import Clip
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.sprites import SpriteAtlas
from smallworld.stills.things import Thing
from smallworld.training.clip_frames import ClipPainter, frame_times_s
from smallworld.training.evaluate_pictures import normalised

_LOG = logging.getLogger(__name__)
_CLIPS_AT_ONCE = 24
# Most training clips come in groups of the same things that do something else; the others have
# nothing to do with each other.
GROUP_SIZE = 6
GROUPED_SHARE = 0.75


@dataclass(frozen=True)
class CachedClips:
    """Clips and their frame embeddings: float16 (clips, frames, dim), un-normalised.

    `mask` is bool (clips, frames), True where a frame is real.
    """

    clips: tuple[Clip, ...]
    frame_embeddings: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def joined(cls, parts: Sequence["CachedClips"]) -> "CachedClips":
        """The clips of all parts, one part after the other."""
        longest = max(part.mask.shape[1] for part in parts)
        missing = [longest - part.mask.shape[1] for part in parts]
        both = list(zip(parts, missing, strict=True))
        return cls(
            tuple(clip for part in parts for clip in part.clips),
            torch.cat([functional.pad(p.frame_embeddings, (0, 0, 0, gap)) for p, gap in both]),
            torch.cat([functional.pad(p.mask, (0, gap)) for p, gap in both]),
        )


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


class ClipCache:
    """Clips drawn and encoded once, in a folder that belongs to one picture tower."""

    def __init__(self, folder: Path, model: Any, atlas: SpriteAtlas) -> None:
        self._folder, self._model, self._atlas = folder, model, atlas

    def training(self, name: str, clips: Sequence[Clip], *, seed: int) -> CachedClips:
        """Clips over many drawings of each scene."""
        return self._cached(name, clips, seed=seed, scene_variants=40)

    def held_out(self, name: str, clips: Sequence[Clip], *, seed: int) -> CachedClips:
        """Clips over other drawings of each scene."""
        return self._cached(name, clips, seed=seed, scene_variants=8)

    def _cached(
        self, name: str, clips: Sequence[Clip], *, seed: int, scene_variants: int
    ) -> CachedClips:
        file = self._folder / f"{name}-{seed}-{len(clips)}.safetensors"
        if not file.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            painter = ClipPainter(self._atlas, seed=seed, scene_variants=scene_variants)
            made = cache_clips(self._model, painter, clips, seed=seed, progress=_show(name))
            save_file({"frames": made.frame_embeddings, "mask": made.mask}, file)
        stored = load_file(file)
        return CachedClips(tuple(clips), stored["frames"], stored["mask"])


def _show(name: str) -> Callable[[int], None]:
    def show(done: int) -> None:
        if done % 1200 == 0:
            _LOG.info("%s: %d clips", name, done)

    return show


def training_clips(things: Sequence[Thing], *, seed: int, count: int) -> list[Clip]:
    """Clips to train on: groups of the same things, then clips that have nothing in common."""
    sampler = ClipSampler(things, np.random.default_rng([seed, 3]))
    groups = round(count * GROUPED_SHARE / GROUP_SIZE)
    clips = [clip for _ in range(groups) for clip in sampler.variants(GROUP_SIZE)]
    return clips + [sampler.clip() for _ in range(count - len(clips))]
