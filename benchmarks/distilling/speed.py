"""How fast a student is beside a teacher, known without what either has learnt.

    python -m benchmarks.distilling.speed                       ViT-L-14, EfficientNet-Lite0
    python -m benchmarks.distilling.speed --teacher ViT-B-32 --size 128

Both are compiled as indexing compiles them, and encode pictures of their own size, in turn.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from models.clip.engines import speed
from models.clip.engines.choice import AUTO
from models.clip.engines.conversion import compiled_pictures
from models.clip.engines.in_openvino import run
from models.clip.preprocess import Preprocessing
from models.clip.sources import UntrainedPictures
from models.clip.student_folders import StudentShape
from models.clip.students import has_imagenet_weights, make_student, student_preprocessing

_ROUNDS = 3
_DIM = 768


@dataclass(frozen=True)
class Row:
    """A picture tower. weights_m: in millions; side: of its pictures, in pixels"""

    tower: str
    side: int
    weights_m: float
    frames_per_s: float


class _Pictures(nn.Module):
    """A student alone, with the interface of a model."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.visual = tower

    def encode_image(self, pictures: torch.Tensor) -> torch.Tensor:
        """float32 (batch, 3, side, side) → (batch, dim)"""
        embeddings: torch.Tensor = self.visual(pictures)
        return embeddings


def main() -> None:
    """See above."""
    parser = parser_for(__doc__)
    parser.add_argument("--teacher", default="ViT-L-14", help="an open_clip name (%(default)s)")
    parser.add_argument("--student", default="efficientnet_lite0", help="a timm name (%(default)s)")
    parser.add_argument("--size", type=int, default=224, help="of its pictures (%(default)s)")
    parser.add_argument("--stages", type=int)
    with benchmark("distilling-speed", parser) as (options, report):
        teacher = UntrainedPictures(options.teacher)
        shape = StudentShape(options.student, options.size, _DIM, options.stages)
        pretrained = has_imagenet_weights(options.student)
        seen = student_preprocessing(teacher.preprocessing, shape, pretrained=pretrained)
        student = _Pictures(make_student(shape, pretrained=pretrained).eval())
        towers = [
            (options.teacher, teacher, Preprocessing.from_config(teacher.preprocessing)),
            (options.student, student, Preprocessing.from_config(seen)),
        ]
        rows = _timed(towers)
        report.show("Picture towers", rows)
        ratio = rows[1].frames_per_s / rows[0].frames_per_s
        report.figures([Figure("speed beside the teacher's", ratio, "at least 10 for ViT-L-14")])


def _timed(towers: list[tuple[str, Any, Preprocessing]]) -> list[Row]:
    compiled = [compiled_pictures(model, seen, AUTO) for _, model, seen in towers]
    best = [0.0] * len(towers)
    for _ in range(_ROUNDS):
        for place, (_, _, seen) in enumerate(towers):
            found = speed.timed(partial(run, compiled[place]), seen.size)
            best[place] = max(best[place], found.frames_per_s)
    return [
        Row(name, seen.size[0], sum(one.numel() for one in model.visual.parameters()) / 1e6, at)
        for (name, model, seen), at in zip(towers, best, strict=True)
    ]


if __name__ == "__main__":
    main()
