"""Teach a small vision transformer to see the small world as the bundled picture tower does.

Run as `python -m smallworld.training.distil --out FOLDER`; run it again to go on after a stop. The
bundled tower is convolutional; temporal shift and joint space-time attention need a transformer.
This one learns the same embeddings, so that the bundled text tower fits it as it is. As most of
what they hold is which thing it is, layers that are thrown away read place, size and angle off
them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.training.distilling import explained_variance
from models.training.loop import Task
from models.training.optimisation import parameter_groups
from smallworld.clips.sampler import ClipSampler
from smallworld.stills.pictures import Picture
from smallworld.stills.sprites import SpriteAtlas, font_atlas_or_exit
from smallworld.training.clip_frames import ClipPainter, frame_times_s
from smallworld.training.evaluate_pictures import normalised
from smallworld.training.model import (
    BUNDLED_FOLDER,
    CONFIG_FILE,
    export_weights,
    load_own_model,
    with_bundled_words,
    write_model_definition,
)
from smallworld.training.pose import PoseReader
from smallworld.training.runs import tell_progress, train_picture_tower, training_parser

_VISION = {"image_size": 64, "layers": 4, "width": 128, "head_width": 32, "patch_size": 16}
_CLIPS = 16
_FRAMES_PER_CLIP = 8
_SCALE_BATCHES = 4


class DistillationTask(Task):
    """The student's picture tower, and frames of ever new clips as the teacher sees them."""

    def __init__(self, student: Any, teacher: Any, atlas: SpriteAtlas, seed: int) -> None:
        self._student, self._teacher, self._seed = student, teacher, seed
        self._things = atlas.things
        self._visual = student.visual
        self._pose_reader = PoseReader(student.visual.output_dim, self._things)
        self.modules = nn.ModuleList([self._visual, self._pose_reader])
        self._painter = ClipPainter(atlas, seed=seed)
        self._deviation = self._teacher_deviation()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All weights of the picture tower at one rate."""
        return parameter_groups(self.modules, learning_rate=1e-3, weight_decay=0.05)

    def accumulate_gradients(
        self, step: int, scale: Callable[[torch.Tensor], torch.Tensor]
    ) -> float:
        """The mean squared error, in natural deviations of the teacher's embeddings, and the
        readers' loss."""
        frames, shown, wanted = self._batch(step)
        told = self._visual(frames).float()
        loss = functional.mse_loss(told / self._deviation, wanted / self._deviation)
        rows = [row for row, picture in enumerate(shown) if picture.placements]
        loss = loss + self._pose_reader(told[rows], [shown[row] for row in rows])
        scale(loss).backward()
        return float(loss.detach())

    def validate(self) -> dict[str, float]:
        """Share of the teacher's variance that the student tells, on clips of another seed."""
        frames, _, wanted = self._batch(-1)
        return {"explained": explained_variance(self._visual(frames).float(), wanted)}

    def export(self, folder: Path, figures: dict[str, float]) -> None:
        """The whole model as `smallworld.training.model.load_own_model` reads it."""
        export_weights(self._student, folder)

    @torch.no_grad()
    def _batch(self, step: int) -> tuple[torch.Tensor, list[Picture], torch.Tensor]:
        """Frames as a model wants them, what they show, and the teacher's embeddings."""
        rng = np.random.default_rng([self._seed + (step < 0), 31, abs(step)])
        sampler = ClipSampler(self._things, rng)
        clips = [sampler.clip() for _ in range(_CLIPS)]
        times_s = [
            np.sort(rng.choice(frame_times_s(clip.duration_s), _FRAMES_PER_CLIP, replace=False))
            for clip in clips
        ]
        with torch.autocast("cpu", enabled=False):  # which the training loop has switched on
            frames, mask = self._painter.frames(clips, times_s, rng=rng)
        shown = [
            clip.picture_at(float(elapsed_s))
            for clip, times in zip(clips, times_s, strict=True)
            for elapsed_s in times
        ]
        fitted = normalised(frames[mask].float() / 255)
        return fitted, shown, self._teacher.encode_image(fitted).float()

    def _teacher_deviation(self) -> torch.Tensor:
        wanted = [self._batch(-2 - number)[2] for number in range(_SCALE_BATCHES)]
        return torch.cat(wanted).std(dim=0)


def write_transformer_definition(folder: Path) -> None:
    """The bundled model's configuration and vocabulary, with the transformer as picture tower."""
    write_model_definition(folder)
    file = folder / CONFIG_FILE
    config = json.loads(file.read_text(encoding="utf-8"))
    config["vision_cfg"] = _VISION
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def distil(folder: Path, atlas: SpriteAtlas, *, steps: int, seed: int, bfloat16: bool) -> None:
    """Train in `folder`, which then holds a model like the bundled one."""
    teacher = load_own_model(BUNDLED_FOLDER)
    write_transformer_definition(folder)
    student = with_bundled_words(folder, seed=seed)
    task = DistillationTask(student, teacher, atlas, seed)
    train_picture_tower(task, folder, steps=steps, seed=seed, bfloat16=bfloat16)


def main() -> None:
    """Distil the bundled picture tower."""
    tell_progress()
    options = training_parser(
        "Make a transformer of the bundled picture tower.", out="the model", steps=2500
    ).parse_args()
    atlas = font_atlas_or_exit(options.font)
    seed = (options.seed or [0])[-1]
    distil(options.out, atlas, steps=options.steps, seed=seed, bfloat16=options.bfloat16)


if __name__ == "__main__":
    main()
