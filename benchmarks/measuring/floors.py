"""Indexing timed against bare decoding and the bare model; `benchmarks.ingest` says how."""

import argparse
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
import torch
from sqlalchemy import select

from benchmarks.inputs.footage import Shot, write_clip
from benchmarks.measuring.bare_decoding import Sampled, decode, frame_starts_s
from benchmarks.measuring.indexing import indexer_for, new_library
from benchmarks.measuring.onnx_model import OnnxPictures
from benchmarks.measuring.options import chosen_backbone
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

NAMES = ("decode", "forward", "script", "before", "indexing", "skipping")
_SCRIPTS_BATCH = 16
EVERY_FRAME = IndexSettings(skip_duplicates=False)
# Time stamps are stored rounded, to a millisecond at worst; frames are 33 ms apart.
_SAME_TIME_S = 0.005


@dataclass(frozen=True)
class Rounds:
    """All timings of each, in the order they were taken, and the frames of each."""

    timings: dict[str, list[Timing]]
    frames: dict[str, int]


@dataclass(frozen=True)
class Row:
    """One of what is timed. `processor_s` is summed over all cores and processes."""

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


def forward(backbone: Backbone, pictures: np.ndarray) -> None:
    """The bare engine on pictures of its size, uint8 (frames, height, width, 3)."""
    for start in range(0, len(pictures), backbone.batch_size):
        backbone.engine.pictures(pictures[start : start + backbone.batch_size])


class Script:
    """What somebody would write today: frames by PyAV, two a second, and ONNX Runtime."""

    def __init__(self, backbone: Backbone) -> None:
        self._fitting = backbone.preprocessing
        self._encode = OnnxPictures(backbone.model, self._fitting.size)

    def __call__(self, clips: list[Path]) -> int:
        """Embeds the clips' frames; → how many."""
        return sum(self._one(clip) for clip in clips)

    def _one(self, clip: Path) -> int:
        wanted_s, count, waiting = 0.0, 0, []
        with av.open(clip) as container:
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                if (frame.time or 0.0) >= wanted_s:
                    wanted_s += 0.5
                    waiting.append(frame.to_ndarray(format="rgb24"))
                if len(waiting) == _SCRIPTS_BATCH:
                    count += self._embed(waiting)
                    waiting = []
        return count + (self._embed(waiting) if waiting else 0)

    def _embed(self, frames: list[np.ndarray]) -> int:
        rows = torch.from_numpy(self._fitting.fit(np.stack(frames))).permute(0, 3, 1, 2)
        self._encode(self._fitting.normalise(rows).contiguous().numpy())
        return len(frames)


def index_anew(
    clips: list[Path], backbone: Backbone, settings: IndexSettings
) -> tuple[Timing, IndexReport]:
    """Index clips into a new library. Making the empty library is not timed."""
    with new_library() as library:
        indexer = indexer_for(library, backbone, settings)
        return timed(indexer.index, clips)


def time_rounds(
    clips: list[Path], backbone: Backbone, before: Backbone, *, repetitions: int
) -> Rounds:
    """Time them in turn, so that other programs disturb all of them alike.

    before: the same model in PyTorch
    """
    bare_forward = partial(forward, backbone)
    sampled = sampled_frames(clips, backbone)
    fitting = backbone.preprocessing
    pictures = np.concatenate([fitting.fit(frames) for frames in decode(sampled)])
    bare_forward(pictures[: backbone.batch_size])  # the first batch of a model is slow
    script = Script(before)
    script(clips[:1])
    count = len(pictures)
    rounds = Rounds({name: [] for name in NAMES}, {"decode": count, "forward": count})
    for _ in range(repetitions):
        rounds.timings["decode"].append(timed(decode, sampled)[0])
        rounds.timings["forward"].append(timed(bare_forward, pictures)[0])
        took, rounds.frames["script"] = timed(script, clips)
        rounds.timings["script"].append(took)
        timing, report = index_anew(clips, before, IndexSettings())
        rounds.timings["before"].append(timing)
        rounds.frames["before"] = report.frames_encoded
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
        whole.clock_s / (one.clock_s + two.clock_s) for one, two, _, _, whole, _ in turns
    )
    processor = spread(
        whole.processor_s / (one.processor_s + two.processor_s)
        for one, two, _, _, whole, _ in turns
    )
    saved = spread(1 - less.clock_s / whole.clock_s for *_, whole, less in turns)
    by_script = spread(less.clock_s / other.clock_s for _, _, other, _, _, less in turns)
    as_before = spread(less.clock_s / other.clock_s for *_, other, _, less in turns)
    cost_before = spread(less.processor_s / other.processor_s for *_, other, _, less in turns)
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
        Figure("skipping / before, median", as_before[1], "≤ 0.33"),
        Figure("the same in processor time", cost_before[1]),
        Figure("skipping / script, median", by_script[1], "≤ 0.7"),
    ]


def measure(options: argparse.Namespace, report: Report) -> None:
    """Make clips, time everything, and show it."""
    backbone = chosen_backbone(options, usual="ViT-B-32")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        clips = make_clips(place, count=options.clips, duration_s=options.seconds)
        before = chosen_backbone(options, usual="ViT-B-32", engine="torch")
        rounds = time_rounds(clips, backbone, before, repetitions=options.repetitions)
    report.show("Time", rows_of(rounds))
    report.figures(figures_of(rounds))
