"""Do few sentences rank labels as the usual sixteen do?

    python -m benchmarks.real_pictures.prompting --footage FOLDER…

A label is put into sentences, and a model that takes long to read each gets few. How like two
choices of sentences rank the labels is told for the few beside the sixteen, and, as a measure of
how much the choice matters at all, for halves of all 23 that the program brings, drawn by chance.
Kinetics-400 labels on real footage with the model `imagenet`, and the small world's actions with
the bundled model and its action head. The few were chosen by the labels of other lists, without any
picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import benchmark
from benchmarks.real_pictures.choosing import encoded_footage
from models.clip.backbone import Backbone, load_backbone
from models.heads.checkpoints import default_action_head, load_action_head
from models.identity import BUNDLED, IMAGENET, ModelChoice
from models.labels.label_texts import LabelTexts, embedded_texts
from models.labels.prompts import PromptTemplates
from models.labels.tagging import (
    Background,
    Calibration,
    averaged_embeddings,
    measure_floor,
    tag_probabilities,
    unit_texts,
)
from search.catalog.embeddings import normalised
from search.fusing import fuse_sequences
from search.tags.vocabulary import read_vocabulary
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import ShotPainter, shot_of
from smallworld.stills.sprites import shipped_atlas, shipped_things

_SEED, _CLIPS, _FRAMES = 77, 400, 8
_HALVES = 10
_FIRST = 5
_TAG = 0.5


@dataclass(frozen=True)
class Likeness:
    """How like two choices of sentences rank labels, all over the segments.

    rank_correlation: mean over the segments; first, first_five: shares of the same labels; tags:
    those that both give, of those that one of them gives
    """

    labels: str
    sentences: str
    segments: int
    rank_correlation: float
    first: float
    first_five: float
    tags: float


@dataclass(frozen=True)
class World:
    """Segments, (n, dim), and labels in all sentences that the program brings."""

    name: str
    segments: torch.Tensor
    texts: LabelTexts
    calibration: Calibration
    logit_scale: float

    def likely(self, sentences: list[int]) -> np.ndarray:
        """How likely labels hold, put into some of the sentences, (segments, labels)."""
        labels = averaged_embeddings(self.texts.labels[sentences])
        floor = measure_floor(self.segments, labels)
        background = Background(unit_texts(self.texts.neutral), floor)
        return tag_probabilities(
            self.segments, labels, background, self.calibration, logit_scale=self.logit_scale
        ).numpy()

    def likeness(self, sentences: str, one: list[int], other: list[int]) -> Likeness:
        """Of two choices of sentences."""
        ours, theirs = self.likely(one), self.likely(other)
        both = ((ours >= _TAG) & (theirs >= _TAG)).sum()
        either = ((ours >= _TAG) | (theirs >= _TAG)).sum()
        return Likeness(
            self.name,
            sentences,
            len(self.segments),
            _correlation(ours, theirs),
            _shared(ours, theirs, 1),
            _shared(ours, theirs, _FIRST),
            float(both / max(1, either)),
        )


def _correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    ranks = [likely.argsort(axis=1).argsort(axis=1) for likely in (ours, theirs)]
    pairs = zip(*ranks, strict=True)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def _shared(ours: np.ndarray, theirs: np.ndarray, count: int) -> float:
    """The share of the likeliest labels that are the same."""
    best = [likely.argsort(axis=1)[:, -count:] for likely in (ours, theirs)]
    pairs = zip(*best, strict=True)
    return float(np.mean([len(set(one) & set(other)) / count for one, other in pairs]))


def _texts(backbone: Backbone, vocabulary: str) -> LabelTexts:
    labels, every = read_vocabulary(vocabulary).labels, PromptTemplates.english()
    return embedded_texts(labels, every, tokenize=backbone.tokenize, embed=backbone.embed_texts)


def real_world(footage: list[Path]) -> World:
    """Real footage, and labels of which the model knows the things only."""
    backbone = load_backbone(ModelChoice(IMAGENET), device="cpu")
    _, segments = encoded_footage(backbone, footage)
    return World(
        "Kinetics-400, real footage",
        torch.from_numpy(normalised(segments)),
        _texts(backbone, "kinetics-400"),
        Calibration(*backbone.tag_calibration),
        backbone.logit_scale,
    )


def small_world() -> World:
    """Clips of the small world, and the actions that the bundled head was trained on."""
    backbone = load_backbone(ModelChoice(BUNDLED), device="cpu")
    head = load_action_head(default_action_head(backbone.choice), backbone.identity, backbone.dim)
    if head.card is None or head.card.action is None:
        raise RuntimeError("the bundled model has no action head")
    sampler = ClipSampler(shipped_things(), np.random.default_rng(_SEED))
    painter = ShotPainter(shipped_atlas(), width=320, height=240)
    frames = []
    for clip in (sampler.clip() for _ in range(_CLIPS)):
        times_s = np.linspace(0.1, clip.duration_s - 0.1, _FRAMES).tolist()
        frames.append(np.stack(list(painter.frames(shot_of(clip), times_s))))
    fused = fuse_sequences(head.head, backbone.clip_arrays(frames), device=backbone.device)
    return World(
        "actions of the small world",
        torch.from_numpy(normalised(fused)),
        _texts(backbone, "small-world"),
        Calibration(head.card.action.scale, head.card.action.offset),
        head.card.logit_scale,
    )


def compared(world: World) -> Iterator[Likeness]:
    """The few beside the sixteen, and the mean of halves beside each other."""
    every = PromptTemplates.english().texts
    few, sixteen = (
        [every.index(text) for text in chosen.texts]
        for chosen in (PromptTemplates.few(), PromptTemplates.default())
    )
    yield world.likeness(f"{len(few)} and {len(sixteen)}", few, sixteen)
    rng, half = np.random.default_rng(_SEED), len(every) // 2
    drawn = [rng.permutation(len(every)).tolist() for _ in range(_HALVES)]
    halves = [world.likeness("", one[:half], one[half : 2 * half]) for one in drawn]
    yield Likeness(
        world.name,
        f"{half} and {half} others, mean of {_HALVES}",
        len(world.segments),
        *(
            float(np.mean([getattr(one, name) for one in halves]))
            for name in ("rank_correlation", "first", "first_five", "tags")
        ),
    )


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", required=True)
    with benchmark("real_pictures_prompting", parser) as (options, report):
        worlds = (real_world(options.footage), small_world())
        report.show("Sentences", [row for world in worlds for row in compared(world)])


if __name__ == "__main__":
    main()
