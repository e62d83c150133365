"""Batches of stills with captions, made from a seed and a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from models.threads import one_thread
from smallworld.stills.damage import damage
from smallworld.stills.pictures import Picture, PictureSampler
from smallworld.stills.render import compose
from smallworld.stills.scenes import SCENES, draw_scene
from smallworld.stills.sprites import SpriteAtlas
from smallworld.stills.things import Thing
from smallworld.words.captions import Caption, CaptionWriter
from smallworld.words.claims import truth_table

IMAGE_SIZE = 64
_ASPECTS = ("place", "size", "angle", "scene")
# Pictures of one thing that differ in one aspect only: without them the thing alone tells the
# pairs of a batch apart, and place, size and angle need not be learnt.
_GROUP_SIZE = 4
_GROUPED_SHARE = 0.5
# Large things at any angle, in pairs, and things anywhere at any angle and size: what the frames
# of moving pictures show, and captions have no words for.
_TURNED_SHARE = 0.4
_FREE_SHARE = 0.15

# Width and height of the drawn scenes; a picture shows a square window of one.
POOL_SIZE = (144, 96)


@dataclass(frozen=True)
class StillBatch:
    """`images` is float32 in 0..1, shape: (batch, 3, 64, 64).

    `matches[i, j]` tells whether caption i is true of picture j.
    """

    images: torch.Tensor
    pictures: tuple[Picture, ...]
    captions: tuple[Caption, ...]
    matches: torch.Tensor


@lru_cache(maxsize=2)
def scene_pool(seed: int, variants: int) -> torch.Tensor:
    """Every scene in `variants` drawings, uint8, shape: (scenes * variants, 3, height, width).

    All callers get the same tensor, which is not to be written to.
    """
    width, height = POOL_SIZE
    drawn = [
        draw_scene(scene, seed=seed * 100_003 + variant, width=width, height=height)
        for scene in SCENES
        for variant in range(variants)
    ]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).contiguous()


class StillMaker:
    """Makes batches; drawing the scenes once, in several variants each, makes it fast."""

    def __init__(
        self, things: Sequence[Thing], atlas: SpriteAtlas, *, seed: int, scene_variants: int = 40
    ) -> None:
        self._things = things
        self._atlas = atlas
        self._seed = seed
        self._scene_variants = scene_variants
        self._pool = scene_pool(seed, scene_variants)

    def training_batch(self, step: int, *, size: int, easy_share: float = 0.0) -> StillBatch:
        """The batch of one training step; the same step always gives the same batch.

        `easy_share` of the pictures show one large thing and are captioned with its name. Some of
        the others show large things at two angles, some a thing anywhere, at any angle; half of
        the rest come in groups of one thing that differ in one aspect.
        """
        rng = np.random.default_rng([self._seed, step])
        sampler, writer = PictureSampler(self._things, rng), CaptionWriter(rng)
        told: list[tuple[Picture, Caption]] = []
        while len(told) < round(size * easy_share):
            picture = sampler.easy_picture()
            told.append((picture, writer.name(picture)))
        rest = size - len(told)
        for _ in range(round(rest * _TURNED_SHARE / 2)):
            told += [
                (picture, writer.caption(picture, telling="angle"))
                for picture in sampler.turned_pair()
            ]
        for _ in range(round(rest * _FREE_SHARE)):
            picture = sampler.free_picture()
            told.append((picture, writer.caption(picture)))
        grouped = round((size - len(told)) * _GROUPED_SHARE / _GROUP_SIZE)
        for number in range(grouped):
            aspect = _ASPECTS[(step + number) % len(_ASPECTS)]
            group = sampler.variants(_GROUP_SIZE, aspect=aspect)
            told += [(picture, writer.caption(picture, telling=aspect)) for picture in group]
        while len(told) < size:
            picture = sampler.picture()
            told.append((picture, writer.caption(picture)))
        pictures = [picture for picture, _ in told]
        return self.batch(pictures, [caption for _, caption in told], rng=rng)

    def batch(
        self, pictures: Sequence[Picture], captions: Sequence[Caption], *, rng: np.random.Generator
    ) -> StillBatch:
        """The pictures drawn and damaged, beside their captions."""
        matches = truth_table([caption.claim for caption in captions], pictures)
        return StillBatch(
            images=self.images(pictures, rng=rng),
            pictures=tuple(pictures),
            captions=tuple(captions),
            matches=torch.from_numpy(matches),
        )

    def images(self, pictures: Sequence[Picture], *, rng: np.random.Generator) -> torch.Tensor:
        """The pictures drawn and damaged, float32 in 0..1, shape: (pictures, 3, 64, 64)."""
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        with one_thread():
            backgrounds = self._backgrounds(pictures, generator)
            return damage(compose(backgrounds, pictures, self._atlas), generator)

    def _backgrounds(self, pictures: Sequence[Picture], generator: torch.Generator) -> torch.Tensor:
        """A random square window of each picture's scene, half of them mirrored."""
        rows = [
            SCENES.index(p.scene) * self._scene_variants + p.scene_seed % self._scene_variants
            for p in pictures
        ]
        scenes = self._pool[rows].float().div_(255)
        count = len(pictures)
        width, height = POOL_SIZE
        zoom = torch.rand(count, generator=generator) * 0.3 + 0.7
        mirrored = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        shift = torch.rand(count, 2, generator=generator) * 2 - 1
        theta = torch.zeros(count, 2, 3)
        share = height / width
        theta[:, 0, 0], theta[:, 1, 1] = zoom * share * mirrored, zoom
        theta[:, 0, 2] = shift[:, 0] * (1 - zoom * share)
        theta[:, 1, 2] = shift[:, 1] * (1 - zoom)
        grid = functional.affine_grid(
            theta, [count, 3, IMAGE_SIZE, IMAGE_SIZE], align_corners=False
        )
        return functional.grid_sample(scenes, grid, align_corners=False, padding_mode="border")
