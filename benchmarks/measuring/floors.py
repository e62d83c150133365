"""Indexing timed against bare decoding and the bare model; `benchmarks.ingest` says how."""

import argparse
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlalchemy import select

from benchmarks.inputs.footage import Shot, write_clip
from benchmarks.measuring.bare_decoding import Sampled, decode, frame_starts_s
from benchmarks.measuring.indexing import indexer_for, new_library
from benchmarks.measuring.options import bare_model, chosen_backbone
from benchmarks.measuring.reporting import Figure, Report
from benchmarks.measuring.timing import Timing, spread, timed
from indexer.keyframes import KEYFRAME_SIDE
from indexer.pipeline import IndexReport
from indexer.reading.frames import decoded_size
from indexer.reading.probe import probe
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from search.catalog.store import Store
from search.catalog.tables import Segment, SegmentFrames, VideoPath

NAMES = ("decode", "forward", "indexing", "skipping")
EVERY_FRAME = IndexSettings(skip_duplicates=False)
# Time stamps are stored rounded, to a millisecond at worst; frames are 33 ms apart.
_SAME_TIME_S = 0.005


@dataclass(frozen=True)
class Rounds:
    """All timings of each of the four, in the order they were taken, and the frames of each."""

    timings: dict[str, list[Timing]]
    frames: dict[str, int]


@dataclass(frozen=True)
class Row:
    """One of the four. `processor_s` is summed over all cores and processes."""

    timed: str
    frames: int
    min_s: float
    median_s: float
    max_s: float
    frames_per_s: float
    processor_s: float


def make_clips(folder: Path, *, count: int, duration_s: float) -> list[Path]:
    """720p clips of four shots each, of which one, a fifth of the time, stands still."""
    clips = []
    for number in range(count):
        pan_px = 2 + 2 * (number % 4)
        shots = [
            Shot(0.3 * duration_s, motion_px=pan_px),
            Shot(0.2 * duration_s, motion_px=0),
            Shot(0.25 * duration_s, motion_px=2 * pan_px),
            Shot(0.25 * duration_s, motion_px=2),
        ]
        clips.append(write_clip(folder / f"clip{number}.mp4", shots, seed=number))
    return clips


def sampled_frames(clips: list[Path], backbone: Backbone) -> list[Sampled]:
    """The frames that indexing takes from each clip, found by indexing them."""
    short_side = max(backbone.preprocessing.short_side, KEYFRAME_SIDE)
    sampled = []
    with new_library() as library:
        indexer_for(library, backbone, EVERY_FRAME).index(clips)
        for clip in clips:
            numbers = frame_numbers(_stored_times_s(library, clip), frame_starts_s(clip))
            size = decoded_size(probe(clip, EVERY_FRAME), short_side)
            sampled.append(Sampled(clip, numbers, *size))
    return sampled


def _stored_times_s(library: Store, clip: Path) -> np.ndarray:
    with library.reading() as session:
        stored = session.scalars(
            select(SegmentFrames.times_s)
            .join(Segment, Segment.id == SegmentFrames.segment_id)
            .join(VideoPath, VideoPath.video_id == Segment.video_id)
            .where(VideoPath.path == clip)
            .order_by(Segment.position)
        ).all()
    return np.concatenate([np.frombuffer(blob, dtype="<f8") for blob in stored])


def frame_numbers(times_s: np.ndarray, starts_s: np.ndarray) -> list[int]:
    """Which frames these times mean, given when each frame of the file starts.

    Raises ValueError when a time is not the start of any frame.
    """
    numbers = np.abs(starts_s[None, :] - times_s[:, None]).argmin(axis=1)
    if np.abs(starts_s[numbers] - times_s).max() > _SAME_TIME_S:
        raise ValueError("indexing and decord do not agree about the times of frames")
    return [int(number) for number in numbers]


@torch.inference_mode()
def forward(model: Any, pictures: torch.Tensor, *, batch_size: int) -> None:
    """The bare model on prepared pictures, (frames, 3, height, width)."""
    device = next(model.parameters()).device
    for batch in pictures.split(batch_size):
        model.encode_image(batch.to(device)).cpu()


def index_anew(
    clips: list[Path], backbone: Backbone, settings: IndexSettings
) -> tuple[Timing, IndexReport]:
    """Index clips into a new library. Making the empty library is not timed."""
    with new_library() as library:
        indexer = indexer_for(library, backbone, settings)
        return timed(indexer.index, clips)


def time_rounds(clips: list[Path], backbone: Backbone, *, repetitions: int) -> Rounds:
    """Time the four in turn, so that other programs disturb all of them alike."""
    model = bare_model(backbone).model
    bare_forward = partial(forward, model, batch_size=backbone.batch_size)
    sampled = sampled_frames(clips, backbone)
    fitting = backbone.preprocessing
    fitted = np.concatenate([fitting.fit(frames) for frames in decode(sampled)])
    pictures = fitting.normalise(torch.from_numpy(fitted).permute(0, 3, 1, 2))
    bare_forward(pictures[: backbone.batch_size])  # the first batch of a model is slow
    count = len(pictures)
    rounds = Rounds({name: [] for name in NAMES}, {"decode": count, "forward": count})
    for _ in range(repetitions):
        rounds.timings["decode"].append(timed(decode, sampled)[0])
        rounds.timings["forward"].append(timed(bare_forward, pictures)[0])
        for name, settings in (("indexing", EVERY_FRAME), ("skipping", IndexSettings())):
            timing, report = index_anew(clips, backbone, settings)
            rounds.timings[name].append(timing)
            rounds.frames[name] = report.frames_encoded
    if rounds.frames["indexing"] != count:
        raise RuntimeError("indexing did not encode the frames that the bare model was given")
    return rounds


def rows_of(rounds: Rounds) -> list[Row]:
    rows = []
    for name, timings in rounds.timings.items():
        minimum_s, median_s, maximum_s = spread(timing.clock_s for timing in timings)
        rows.append(
            Row(
                timed=name,
                frames=rounds.frames[name],
                min_s=minimum_s,
                median_s=median_s,
                max_s=maximum_s,
                frames_per_s=rounds.frames[name] / median_s,
                processor_s=spread(timing.processor_s for timing in timings)[1],
            )
        )
    return rows


def figures_of(rounds: Rounds) -> list[Figure]:
    """Indexing over the sum of its floors, round by round; and what skipping saves."""
    turns = list(zip(*rounds.timings.values(), strict=True))
    best, middle, worst = spread(
        whole.clock_s / (one.clock_s + two.clock_s) for one, two, whole, _ in turns
    )
    processor = spread(
        whole.processor_s / (one.processor_s + two.processor_s) for one, two, whole, _ in turns
    )
    saved = spread(1 - less.clock_s / whole.clock_s for _, _, whole, less in turns)
    return [
        Figure("indexing / (decode + forward), median", middle, "≤ 1.15"),
        Figure("the same, best round", best),
        Figure("the same, worst round", worst),
        Figure("the same in processor time", processor[1]),
        Figure(
            "share of frames that skipping saves",
            1 - rounds.frames["skipping"] / rounds.frames["indexing"],
        ),
        Figure("share of time that skipping saves", saved[1]),
    ]


def measure(options: argparse.Namespace, report: Report) -> None:
    """Make clips, time everything, and show it."""
    backbone = chosen_backbone(options, usual="ViT-B-32")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        clips = make_clips(place, count=options.clips, duration_s=options.seconds)
        rounds = time_rounds(clips, backbone, repetitions=options.repetitions)
    report.show("Time", rows_of(rounds))
    report.figures(figures_of(rounds))
