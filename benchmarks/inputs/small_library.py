"""Embeddings of clips of the small world, with what they show: no files, no catalog."""

from dataclasses import dataclass

import numpy as np

from models.clip.backbone import Backbone
from search.catalog.embeddings import normalised
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.sprites import shipped_atlas, shipped_things

_FRAMES = 6


@dataclass(frozen=True)
class Shown:
    """Segments: unit embeddings (n, dim), the names of the things in each, and its scene."""

    embeddings: np.ndarray
    things: list[frozenset[str]]
    scenes: list[str]

    def showing(self, thing: str) -> np.ndarray:
        """Which segments show a thing, (n,)."""
        return np.array([thing in things for things in self.things])

    def chosen(self, places: np.ndarray) -> "Shown":
        """Some of the segments."""
        return Shown(
            self.embeddings[places],
            [self.things[place] for place in places],
            [self.scenes[place] for place in places],
        )


def thing_names() -> list[str]:
    """All things, as the world knows them."""
    return [thing.name for thing in shipped_things()]


def embedded_texts(backbone: Backbone, texts: list[str]) -> np.ndarray:
    """Unit embeddings, (texts, dim)."""
    return normalised(backbone.embed_texts(texts).numpy())


def embedded_names(backbone: Backbone) -> dict[str, np.ndarray]:
    """Each thing, asked for by its name: "an elephant"."""
    names = thing_names()
    asked = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]
    return dict(zip(names, embedded_texts(backbone, asked), strict=True))


def shown_clips(backbone: Backbone, *, seed: int, count: int) -> Shown:
    """Random clips, each a segment: the mean of its frames' unit embeddings."""
    sampler = ClipSampler(shipped_things(), np.random.default_rng(seed))
    painter = ShotPainter(shipped_atlas(), width=320, height=240)
    embeddings, things, scenes = [], [], []
    for _ in range(count):
        clip = sampler.clip()
        times_s = np.linspace(0.1, clip.duration_s - 0.1, _FRAMES).tolist()
        frames = np.stack(list(painter.frames(shot_of(clip), times_s)))
        embeddings.append(normalised(backbone.embed_frames(frames).numpy()).mean(axis=0))
        things.append(frozenset(placed.thing for placed in clip.picture.placements))
        scenes.append(clip.picture.scene)
    return Shown(normalised(np.stack(embeddings)), things, scenes)


def average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """The mean of the precision at each right one, in order of the scores."""
    ordered = right[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ordered) / np.arange(1, len(ordered) + 1))[ordered].mean())
