"""Train a second model of the small world, that judges sketches which the bundled one drew.

Run as `python -m smallworld.training.train_judge --out FOLDER`; run it again to go on after a stop.
A model that draws a sketch is flattered by it. This one has the bundled model's architecture and
text tower, but its picture tower starts from random weights, and sees line drawings beside
pictures; never a sketch. It knows only the things whose sprites are shipped.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.training.loop import Task
from models.training.optimisation import parameter_groups
from smallworld.stills.line_drawings import line_drawings
from smallworld.stills.pictures import Picture, PictureSampler
from smallworld.stills.sprites import SpriteAtlas, shipped_atlas, shipped_things
from smallworld.training.evaluate_pictures import normalised
from smallworld.training.model import (
    export_weights,
    load_tokenizer,
    with_bundled_words,
    write_model_definition,
)
from smallworld.training.runs import tell_progress, train_picture_tower, training_parser
from smallworld.training.still_batches import IMAGE_SIZE, StillMaker

_BATCH = 96
_LEARNING_RATE = 1.5e-3
_SCALE = 30.0  # of the cosines, in the softmax
_VALIDATION_BATCHES = 4
# The first steps show large upright things only: names first, then where and how.
_EASY_STEPS = 300


class JudgeTask(Task):
    """Names of things from pictures of them and from line drawings, half and half."""

    def __init__(self, model: Any, atlas: SpriteAtlas, seed: int) -> None:
        self._model, self._atlas, self._seed = model, atlas, seed
        self._things = shipped_things()
        self._names = [thing.name for thing in self._things]
        self._texts = _text_embeddings(model, [thing.phrases[0] for thing in self._things])
        self.modules = nn.ModuleList([model.visual])
        self._stills = StillMaker(self._things, atlas, seed=seed, scene_variants=12)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All weights of the picture tower at one rate."""
        return parameter_groups(self.modules, learning_rate=_LEARNING_RATE, weight_decay=0.05)

    def accumulate_gradients(
        self, step: int, scale: Callable[[torch.Tensor], torch.Tensor]
    ) -> float:
        """Cross-entropy over the names of all things."""
        images, names = self._batch(step)
        loss = functional.cross_entropy(self._logits(images), names, label_smoothing=0.05)
        scale(loss).backward()
        return float(loss.detach())

    def validate(self) -> dict[str, float]:
        """Per cent named rightly, of line drawings (which choose the best step) and of pictures."""
        right = {"drawings": 0.0, "pictures": 0.0}
        for number in range(_VALIDATION_BATCHES):
            images, names = self._batch(-1 - number)
            hits = (self._logits(images).argmax(dim=1) == names).float()
            half = len(hits) // 2
            right["pictures"] += float(hits[:half].mean()) * 100 / _VALIDATION_BATCHES
            right["drawings"] += float(hits[half:].mean()) * 100 / _VALIDATION_BATCHES
        return right

    def export(self, folder: Path, figures: dict[str, float]) -> None:
        """The whole model, with the bundled text tower."""
        export_weights(self._model, folder)

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        embeddings = functional.normalize(self._model.visual(images).float(), dim=-1)
        return _SCALE * embeddings @ self._texts.T

    @torch.no_grad()
    def _batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures, then line drawings, as the model wants them, and what they show."""
        rng = np.random.default_rng([self._seed + (step < 0), 77, abs(step)])
        sampler = PictureSampler(self._things, rng)
        easy = 0 <= step < _EASY_STEPS
        shown = [_picture(sampler, rng, easy=easy) for _ in range(_BATCH)]
        half = _BATCH // 2
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        with torch.autocast("cpu", enabled=False):  # which the training loop has switched on
            photographs = self._stills.images(shown[:half], rng=rng)
            drawings = line_drawings(shown[half:], self._atlas, generator, size=IMAGE_SIZE)
        names = [self._names.index(picture.placements[0].thing) for picture in shown]
        return normalised(torch.cat([photographs, drawings])), torch.tensor(names)


def _picture(sampler: PictureSampler, rng: np.random.Generator, *, easy: bool) -> Picture:
    """One thing: large and upright, or of any size from small on, anywhere, and often turned."""
    picture = sampler.easy_picture()
    if easy:
        return picture
    [placement] = picture.placements
    size = float(rng.uniform(0.3, 0.95))
    room = max(0.0, 0.5 - size / 2)
    turned = float(rng.uniform(-180, 180)) if rng.random() < 0.3 else placement.angle_deg
    x, y = (float(rng.uniform(0.5 - room, 0.5 + room)) for _ in range(2))
    return replace(picture, placements=(replace(placement, x=x, y=y, size=size, angle_deg=turned),))


@torch.no_grad()
def _text_embeddings(model: Any, phrases: list[str]) -> torch.Tensor:
    """Unit vectors of what is asked, (phrases, dim)."""
    texts = load_tokenizer()([f"a photo of {phrase}" for phrase in phrases])
    return functional.normalize(model.encode_text(texts).float(), dim=-1)


def train_judge(folder: Path, atlas: SpriteAtlas, *, steps: int, seed: int, bfloat16: bool) -> None:
    """Train in `folder`, which then holds a model like the bundled one."""
    write_model_definition(folder)
    model = with_bundled_words(folder, seed=seed)
    model.visual.to(memory_format=torch.channels_last)
    task = JudgeTask(model, atlas, seed)
    train_picture_tower(task, folder, steps=steps, seed=seed, bfloat16=bfloat16, save_every=100)


def main() -> None:
    """Train the judge."""
    tell_progress()
    options = training_parser("Train a judge of sketches.", out="the model", steps=1600)
    chosen = options.parse_args()
    seed = (chosen.seed or [1])[-1]
    train_judge(
        chosen.out, shipped_atlas(), steps=chosen.steps, seed=seed, bfloat16=chosen.bfloat16
    )


if __name__ == "__main__":
    main()
