"""How much memory indexing one very long video takes, over time. `ingest --long` shows it."""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch

from benchmarks.inputs.footage import Shot, write_clip, write_repeated
from benchmarks.measuring.indexing import indexer_for, new_library
from benchmarks.measuring.options import chosen_backbone
from benchmarks.measuring.processes import in_own_process, resident_bytes, with_descendants
from benchmarks.measuring.reporting import Report
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from models.clip.sources import LoadedModel
from models.identity import ModelChoice

_EVERY_S = 0.25
_MB = 1e6

# Stored embeddings are as wide as those of ViT-B-32, so that as much is kept for each video, but
# the towers are tiny: the model's own memory does not grow, and its time is not what matters here.
_TINY: dict[str, Any] = {
    "embed_dim": 512,
    "vision_cfg": {"image_size": 64, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@dataclass(frozen=True)
class Sample:
    """Resident memory at one moment, in bytes; 0 where there was no such process."""

    elapsed_s: float
    indexing_bytes: int
    decoding_bytes: int


@dataclass(frozen=True)
class Row:
    """Resident memory of one process. `growth_mb` is from the first quarter to the last."""

    process: str
    first_quarter_mb: float
    last_quarter_mb: float
    growth_mb: float
    peak_mb: float


@dataclass(frozen=True)
class LongFile:
    """What was indexed, and how long that took."""

    hours: float
    size_mb: float
    frames_sampled: int
    indexing_s: float


def measure(options: argparse.Namespace, report: Report) -> None:
    """Make a long 720p file, index it in a child process, and show its memory."""
    with tempfile.TemporaryDirectory() as folder:
        video = _long_video(Path(folder), hours=options.hours, frame_rate=options.frame_rate)
        samples, frames = _watched(video, options)
        size_mb = video.stat().st_size / _MB
    indexing_s = samples[-1].elapsed_s - samples[0].elapsed_s
    report.show("Long file", [LongFile(options.hours, size_mb, frames, indexing_s)])
    report.show(
        "Memory",
        [
            row_of("indexing", [sample.indexing_bytes for sample in samples]),
            row_of("decoding", [sample.decoding_bytes for sample in samples]),
        ],
    )
    report.keep("Samples", samples)


def row_of(process: str, resident_bytes: Sequence[int]) -> Row:
    """Medians of the first and the last quarter of evenly spaced samples, and the peak.

    Samples of 0, from before the process began and after it ended, do not count.
    """
    lived = np.array([size for size in resident_bytes if size]) / _MB
    quarter = max(1, len(lived) // 4)
    first, last = float(np.median(lived[:quarter])), float(np.median(lived[-quarter:]))
    return Row(process, first, last, last - first, float(lived.max()))


def _long_video(folder: Path, *, hours: float, frame_rate: int) -> Path:
    shots = [Shot(20, motion_px=2), Shot(15, motion_px=0), Shot(25, motion_px=6)]
    minute = write_clip(folder / "minute.mp4", shots, seed=1, frame_rate=frame_rate)
    video = write_repeated(folder / "long.mp4", minute, times=max(1, round(60 * hours)))
    minute.unlink()
    return video


def _watched(video: Path, options: argparse.Namespace) -> tuple[list[Sample], int]:
    """Index a video in a child process; → its memory meanwhile, and the frames it sampled."""
    with in_own_process(_index, video, options) as messages:
        process_id = messages.recv()
        samples = [_sample(process_id, elapsed_s=0.0)]
        start_s = time.monotonic()
        while not messages.poll(_EVERY_S):
            samples.append(_sample(process_id, elapsed_s=time.monotonic() - start_s))
        return samples, messages.recv()


def _index(video: Path, options: argparse.Namespace, messages: Connection) -> None:
    """Send the process's id when all is ready, and the number of frames when all is done."""
    backbone = chosen_backbone(options, usual=options.model) if options.model else tiny_backbone()
    with new_library() as library:
        indexer = indexer_for(library, backbone, IndexSettings())
        messages.send(os.getpid())
        messages.send(indexer.index([video]).frames_sampled)


def tiny_backbone() -> Backbone:
    """A model that encodes in no time to embeddings as wide as those of ViT-B-32."""
    model = open_clip.CLIP(**_TINY).eval()
    config = vars(open_clip.transform.PreprocessCfg()) | {"size": 64}
    open_clip.factory.set_model_preprocess_cfg(model, config)
    tokenize = open_clip.tokenizer.SimpleTokenizer(context_length=16)
    return Backbone.in_torch(ModelChoice("tiny"), LoadedModel(model, tokenize), torch.device("cpu"))


def _sample(process_id: int, *, elapsed_s: float) -> Sample:
    """The indexing process, and the largest of its descendants, which is the one that decodes."""
    return Sample(
        elapsed_s=elapsed_s,
        indexing_bytes=resident_bytes(process_id),
        decoding_bytes=max(map(resident_bytes, with_descendants(process_id)[1:]), default=0),
    )
