"""Embeddings now, by the engine that a processor has unless told otherwise, against PyTorch's.

    python -m benchmarks.computing.embeddings                     three minutes
    python -m benchmarks.computing.embeddings --footage FOLDER    frames of videos as well

The frames are parts of the demo's photographs, others than a converted model is accepted by, and
with --footage those of a folder's videos. A model with random weights hardly tells pictures apart,
so cosines of models that know something say more. Then 200 sentences are put to 400 pictures of the
small world, as a library would answer them: how many of the ten that are found are the same ones?
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.computing.engines import pictures_of
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, Report, benchmark
from indexer.calibration_frames import stretches
from indexer.discover import discover
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone, load_backbone
from models.clip.engines.agreement import cosines
from models.clip.engines.choice import FLOAT32, TORCH, EngineChoice
from models.heads.checkpoints import default_head, load_head
from models.identity import BUNDLED, IMAGENET, RANDOM, ModelChoice
from search.catalog.embeddings import normalised
from search.fusing import fuse_sequences
from smallworld.exam import Exam, exam

_MODELS = (ModelChoice("ViT-B-32", RANDOM), ModelChoice(IMAGENET), ModelChoice(BUNDLED))
_TOP = 10


@dataclass(frozen=True)
class Row:
    """A model's embeddings in the usual engine, by their cosine with PyTorch's in float32."""

    model: str
    engine: str
    frames: str
    count: int
    cosine_mean: float
    cosine_worst: float


@dataclass(frozen=True)
class Results:
    """Percent, over all questions: equal among the first ten, and all ten in the same order."""

    questions: int
    equal: float
    same_order: float
    first_right_before: float
    first_right_now: float


def both(choice: ModelChoice) -> tuple[Backbone, Backbone]:
    """A model in PyTorch's float32, and as it runs on a processor unless told otherwise."""
    before, now = (
        load_backbone(choice, device="cpu", engine=engine, talk=print)
        for engine in (EngineChoice(TORCH, FLOAT32), EngineChoice())
    )
    return before, now


def compare(
    choice: ModelChoice, before: Backbone, now: Backbone, frames: str, shown: np.ndarray
) -> Row:
    """The same frames, uint8 (n, height, width, 3), in both."""
    [ours], [theirs] = now.clip_arrays([shown]), before.clip_arrays([shown])
    agreed = cosines(ours, theirs)
    engine = f"{now.engine.name} {now.engine.precision}"
    return Row(str(choice), engine, frames, len(shown), float(agreed.mean()), float(agreed.min()))


def shown_frames(backbone: Backbone, count: int, footage: Sequence[Path]) -> dict[str, np.ndarray]:
    """What is shown to the models, by what it is of."""
    preprocessing = backbone.preprocessing
    frames = {"photographs": pictures_of(preprocessing.size, count)}
    if footage and (found := stretches(footage, preprocessing, IndexSettings())):
        frames["videos"] = np.concatenate(found)
    return frames


def found(backbone: Backbone, asked: Exam) -> tuple[np.ndarray, float]:
    """The first ten pictures of each question, (questions, 10), and percent whose first is right.

    A picture is a segment of one frame, fused by the model's own head and stored as libraries do.
    """
    head = load_head(default_head(backbone.choice), backbone.identity, backbone.dim)
    [embedded] = backbone.clip_arrays([asked.pictures])
    stored = embedded.astype(np.float16).astype(np.float32)
    segments = fuse_sequences(head.head, list(stored[:, None]), device=torch.device("cpu"))
    texts = normalised(backbone.text_arrays(asked.texts))
    ranked = np.argsort(-(texts @ segments.T), axis=1, kind="stable")[:, :_TOP]
    return ranked, asked.first_right(texts, segments)


def compare_results(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Percent equal among the first, and percent of the questions with all in the same order."""
    equal = [len({*one} & {*other}) / len(one) for one, other in zip(before, now, strict=True)]
    return 100 * float(np.mean(equal)), 100 * float((before == now).all(axis=1).mean())


def measure(options: argparse.Namespace, report: Report) -> None:
    """Compare embeddings, then results."""
    footage = [file.path for file in discover([options.footage]).files] if options.footage else []
    rows = []
    for choice in _MODELS:
        before, now = both(choice)
        for frames, shown in shown_frames(before, options.count, footage).items():
            rows.append(compare(choice, before, now, frames, shown))
    report.show("Frames", rows)
    asked = exam()
    (ranked_before, right_before), (ranked_now, right_now) = (
        found(one, asked) for one in both(ModelChoice(BUNDLED))
    )
    equal, same_order = compare_results(ranked_before, ranked_now)
    results = Results(len(asked.texts), equal, same_order, right_before, right_now)
    report.show("Results in the small world", [results])
    report.figures(
        [
            Figure("cosine, the least mean", min(row.cosine_mean for row in rows), "≥ 0.9995"),
            Figure("cosine, worst of all", min(row.cosine_worst for row in rows), "≥ 0.995"),
            Figure("equal results, percent", equal, "≥ 99"),
        ]
    )


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=256, help="parts of photographs (256)")
    parser.add_argument("--footage", type=Path, help="a folder of videos")
    with benchmark("embeddings", parser) as (options, report):
        measure(options, report)


if __name__ == "__main__":
    main()
