"""What encoding near-duplicate frames only once saves, and what it costs.

    python -m benchmarks.duplicates                        two made clips, half a minute
    python -m benchmarks.duplicates --videos FOLDER        and every video in a folder
    python -m benchmarks.duplicates --model ViT-B-32 --pretrained laion2b_s34b_b79k

Every video is decoded and encoded twice, with all its sampled frames and without near-duplicates.
The saving is frames and processor time. The cost is how far the segments' embeddings move: their
cosine to what they would be with every frame encoded. To know what a cosine means, compare it with
the one between different segments of the same video, which searching must tell apart.

The model is the bundled one unless another is named. Random weights would show the saving, but
nothing about the cost.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.inputs.footage import Shot, write_clip
from benchmarks.measuring.indexing import mean_pooling
from benchmarks.measuring.options import add_model_options, chosen_backbone, parser_for
from benchmarks.measuring.reporting import Report, benchmark
from benchmarks.measuring.timing import timed
from indexer.discover import discover
from indexer.encoding import Encoder
from indexer.keyframes import KEYFRAME_SIDE
from indexer.reading.settings import IndexSettings
from indexer.reading.video import DecodedSegment, decode_video
from indexer.registration import PathToIndex
from models.clip.backbone import Backbone

CLIP_S = 20
ENCODINGS = 3  # the quickest counts: a batch of a new size is always slower the first time


@dataclass(frozen=True)
class Pass:
    """One way through a video: pictures encoded, processor time, embeddings (segments, dim)."""

    encoded: int
    decoding_s: float
    encoding_s: float
    embeddings: np.ndarray


@dataclass(frozen=True)
class Row:
    """A video. Frames and processor time with every frame encoded, and the share that is saved.

    `cosine_mean` and `cosine_worst` are between a segment's embeddings with and without skipping;
    `cosine_others` is between different segments, none where there is one only.
    """

    video: str
    segments: int
    frames: int
    encoding_s: float
    frames_saved: float
    encoding_saved: float
    decoding_s: float
    decoding_skipping_s: float
    cosine_mean: float
    cosine_worst: float
    cosine_others: float | None


def made_clips(folder: Path) -> list[Path]:
    """A camera on a tripod before a still scene, and one that never stops."""
    still = [Shot(CLIP_S, motion_px=0)]
    busy = [Shot(CLIP_S / 4, motion_px=motion_px) for motion_px in (8, 16, 4, 12)]
    return [
        write_clip(folder / f"{name}.mp4", shots, seed=5)
        for name, shots in (("still", still), ("busy", busy))
    ]


def go_through(video: Path, backbone: Backbone, settings: IndexSettings) -> Pass:
    """Decode and encode a video in this process."""
    decoding, segments = timed(decoded, video, backbone, settings)
    encodings = [timed(encoded, video, segments, backbone) for _ in range(ENCODINGS)]
    return Pass(
        encoded=sum(len(segment.frames) for segment in segments),
        decoding_s=decoding.processor_s,
        encoding_s=min(encoding.processor_s for encoding, _ in encodings),
        embeddings=encodings[0][1],
    )


def decoded(video: Path, backbone: Backbone, settings: IndexSettings) -> list[DecodedSegment]:
    """A video's segments, with pictures of the size that a model wants."""
    short_side = max(backbone.preprocessing.short_side, KEYFRAME_SIDE)
    events = decode_video(video, short_side=short_side, settings=settings)
    return [event for event in events if isinstance(event, DecodedSegment)]


def encoded(video: Path, segments: list[DecodedSegment], backbone: Backbone) -> np.ndarray:
    """Their embeddings, (segments, dim), unit length."""
    encoder = Encoder(backbone, mean_pooling(backbone))
    job = PathToIndex(path_id=0, path=video, size_bytes=0, mtime_ns=0)
    embeddings = []
    for segment in segments:
        encoder.add(job, segment)
        if encoder.is_full or segment is segments[-1]:
            embeddings += [one.embedding for _, _, one in encoder.encode()]
    return np.stack(embeddings)


def row_of(video: str, full: Pass, skipping: Pass) -> Row:
    cosines = np.einsum("sd,sd->s", full.embeddings, skipping.embeddings)
    return Row(
        video=video,
        segments=len(cosines),
        frames=full.encoded,
        encoding_s=full.encoding_s,
        frames_saved=1 - skipping.encoded / full.encoded,
        encoding_saved=1 - skipping.encoding_s / full.encoding_s,
        decoding_s=full.decoding_s,
        decoding_skipping_s=skipping.decoding_s,
        cosine_mean=float(cosines.mean()),
        cosine_worst=float(cosines.min()),
        cosine_others=mean_between(full.embeddings),
    )


def mean_between(embeddings: np.ndarray) -> float | None:
    """The mean cosine between different rows, which have unit length; None for a single row."""
    count = len(embeddings)
    if count < 2:
        return None
    cosines = embeddings @ embeddings.T
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))


def measure(options: argparse.Namespace, report: Report) -> None:
    backbone = chosen_backbone(options, usual="bundled")
    with tempfile.TemporaryDirectory() as folder:
        videos = made_clips(Path(folder))
        if options.videos:
            videos += [found.path for found in discover([options.videos]).files]
        rows = [
            row_of(
                video.name,
                go_through(video, backbone, IndexSettings(skip_duplicates=False)),
                go_through(video, backbone, IndexSettings()),
            )
            for video in videos
        ]
    report.show(f"Skipping near-duplicate frames, {backbone.choice}", rows)


def main() -> None:
    parser = parser_for(__doc__)
    add_model_options(parser)
    parser.add_argument("--videos", type=Path, help="a folder of real videos to measure as well")
    with benchmark("duplicates", parser) as (options, report):
        measure(options, report)


if __name__ == "__main__":
    main()
