"""A distilled model beside its teacher: does it find the same, how fast is it, what did it take?

    python -m benchmarks.distilling.agreement --footage FOLDER…    imagenet teaches
    python -m benchmarks.distilling.agreement --small-world        bundled teaches

Footage is videos and pictures; photographs that scikit-image and scikit-learn carry come to them.
Pictures are filmed by a camera that moves over them, each time on another way. The library is
indexed by the teacher, then `kinodex distil` runs on it as a user would start it. All is measured
on the videos that it held out, with 200 texts that it did not learn from: questions about real
pictures, or the sentences of the small world's exam. Which options suit was settled with other
pictures.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.distilling.films import film_for
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.processes import resident_bytes, with_descendants
from benchmarks.measuring.reporting import Figure, Report, benchmark
from indexer.datasets.frames.library_frames import LibraryFrameCache, LibraryFrames
from indexer.datasets.frames.taught_batches import held_out
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.heads.checkpoints import default_head
from models.identity import BUNDLED, IMAGENET
from search.catalog.embeddings import normalised
from search.catalog.store import Store
from search.heads import load_fusing_head
from search.stored_frames import stored_segments, stored_videos
from smallworld.clips.files import write_clip
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import shot_of
from smallworld.exam import exam
from smallworld.stills.sprites import shipped_things
from tasks.demo.photographs import photographs
from tasks.index import run_index
from tasks.terminal.model_flags import ModelFlags, indexed_space
from tasks.training.prepared_distillation import StudentJudge

_PICTURES, _NO_FOOTAGE = {".jpg", ".jpeg", ".png"}, {".md", ".txt"}
_QUESTIONS = Path(__file__).parents[1] / "real_pictures"
_TEXTS, _SHARE = 200, 0.15
_SHOTS, _SIDE, _RATE = 6, 160, 8  # of a video of the small world
_TIMED, _ROUNDS = 192, 5
_EVERY_S = 0.25
_SEED = 11


@dataclass(frozen=True)
class Row:
    """A model on the clips that were held out. agreement, kept: with the teacher, percent

    weights_m: of its picture tower, in millions; frames_per_s: from decoded frames to embeddings
    """

    model: str
    weights_m: float
    frames_per_s: float
    cosine: float
    agreement: float
    kept: float


@dataclass(frozen=True)
class Run:
    """What distilling took: from the command's start to its end, decoding and all.

    processor_minutes: the same in time of processors, whatever else the machine did
    """

    footage_h: float
    frames: int
    held_out_clips: int
    minutes: float
    processor_minutes: float
    peak_mb: float


def main() -> None:
    """See above."""
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", default=[])
    parser.add_argument("--small-world", action="store_true")
    parser.add_argument("--hours", type=float, default=1.0, help="of footage (%(default)s)")
    parser.add_argument("--keep", type=Path, help="a folder to make all in, and to go on in")
    parser.add_argument("student", nargs="*", help="further options of 'kinodex distil', after --")
    with (
        benchmark("distilling", parser) as (options, report),
        tempfile.TemporaryDirectory() as place,
    ):
        measure(options, options.keep or Path(place), report)


def measure(options: argparse.Namespace, place: Path, report: Report) -> None:
    """Make, index, distil, and compare."""
    teacher = BUNDLED if options.small_world else IMAGENET
    videos, library = place / "videos", place / "library"
    if not videos.is_dir():
        _make_videos(options, videos)
    if not library.is_dir():
        flags = ModelFlags(model=teacher)
        run_index(library, [videos], flags, reindex=False, as_json=False)
    started, worked = time.monotonic(), _children_worked_s()
    peak_mb = _distil(library, place, options.student)
    minutes = (time.monotonic() - started) / 60
    worked_minutes = (_children_worked_s() - worked) / 60
    before = load_backbone(choose_model(teacher))
    after = load_backbone(choose_model(str(place / "student")), talk=print)
    with Store.open(library) as opened:
        frames = _frames_of(opened, before, after, place)
        hours = _hours_of(opened)
    _, held, _ = held_out(frames, _SHARE)
    speeds = _speeds([before, after], held)
    texts = normalised(before.text_arrays(_texts(small_world=options.small_world)))
    figures = _figures(before, after, held, texts)
    rows = [
        Row(teacher, _weights_m(before), speeds[0], 100, 100, 100),
        Row("student", _weights_m(after), speeds[1], *figures),
    ]
    report.show("Held-out clips", rows)
    took = Run(hours, frames.count, len(held.segments), minutes, worked_minutes, peak_mb)
    report.show("Distilling", [took])
    report.figures(
        [
            Figure("the teacher's first text of 200", figures[1] / 100, "at least 0.85"),
            Figure("of the teacher's first ten clips", figures[2] / 100, "at least 0.8"),
            Figure("speed beside the teacher's", speeds[1] / speeds[0], "at least 3"),
            Figure("weights beside the teacher's", _weights_m(after) / _weights_m(before), "1/3"),
            Figure("minutes to distil", minutes, "at most 20 for an hour of footage"),
        ]
    )


def _make_videos(options: argparse.Namespace, place: Path) -> None:
    place.mkdir(parents=True)
    if options.small_world:
        _draw_small_world(place, total_s=3600 * options.hours)
        return
    pictures = dict(photographs())
    for file in (file for folder in options.footage for file in sorted(folder.iterdir())):
        if file.suffix in _PICTURES:
            pictures[file.stem] = np.asarray(Image.open(file).convert("RGB"))
        elif file.suffix not in _NO_FOOTAGE:
            (place / file.name).write_bytes(file.read_bytes())
    film_for(pictures, place, total_s=3600 * options.hours, seed=_SEED)


def _draw_small_world(place: Path, *, total_s: float) -> None:
    sampler = ClipSampler(shipped_things(), np.random.default_rng(_SEED))
    drawn_s, number = 0.0, 0
    while drawn_s < total_s:
        shots = [shot_of(sampler.clip()) for _ in range(_SHOTS)]
        file = place / f"{number:04d}.mp4"
        drawn_s += write_clip(file, shots, width=_SIDE, height=_SIDE, frame_rate=_RATE).duration_s
        number += 1


def _distil(library: Path, place: Path, more: Sequence[str]) -> float:
    """Run the command to its end; → the most memory that it and its children had, in MB."""
    command = [
        *(sys.executable, "-m", "kinodex", "distil", "--library", str(library)),
        *("--out", str(place / "student"), "--cache", str(place / "cache")),
        *("--held-out", str(_SHARE), *more),
    ]
    peak = 0

    def watch(process: "subprocess.Popen[bytes]") -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, sum(map(resident_bytes, with_descendants(process.pid))))
            time.sleep(_EVERY_S)

    with subprocess.Popen(command, env=os.environ.copy()) as process:
        watcher = threading.Thread(target=watch, args=(process,))
        watcher.start()
        code = process.wait()
        watcher.join()
    if code:
        raise SystemExit(f"kinodex distil ended with {code}")
    return peak / 1e6


def _children_worked_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _frames_of(library: Store, before: Backbone, after: Backbone, place: Path) -> LibraryFrames:
    """All frames that were learnt from or held out, from the command's own cache."""
    space = indexed_space(library)
    cache = LibraryFrameCache(
        place / "cache",
        after.preprocessing,
        library.settings(IndexSettings),
        short_side=before.preprocessing.short_side,
    )
    videos = stored_videos(library, space)
    frames, _ = cache.frames_of(videos, lambda video: stored_segments(library, space, video))
    return frames


def _hours_of(library: Store) -> float:
    space = indexed_space(library)
    segments = (
        segment
        for video in stored_videos(library, space)
        for segment in stored_segments(library, space, video)
    )
    return sum(segment.end_s - segment.start_s for segment in segments) / 3600


def _texts(*, small_world: bool) -> list[str]:
    if small_world:
        return exam().texts
    asked: list[str] = []
    for name in ("choosing.csv", "questions.csv"):
        with (_QUESTIONS / name).open(encoding="utf-8", newline="") as file:
            asked += [row["question"] for row in csv.DictReader(file)]
    return list(dict.fromkeys(asked))[:_TEXTS]


def _figures(
    before: Backbone, after: Backbone, held: LibraryFrames, texts: np.ndarray
) -> tuple[float, float, float]:
    """Cosine of frames, agreement and what is kept, as a search would find it: with the head."""
    head = load_fusing_head(default_head(before.choice), before.choice, before.identity, before.dim)

    def encode(pictures: np.ndarray) -> np.ndarray:
        return after.clip_arrays([np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))])[0]

    found = StudentJudge(held, head, texts).figures(encode)
    return found["cosine"], found["same_first"], found["kept"]


def _speeds(backbones: Sequence[Backbone], held: LibraryFrames) -> list[float]:
    """Frames a second of each at its best, in turn: from frames of a video to embeddings."""
    random = np.random.default_rng(_SEED)
    side = backbones[0].preprocessing.short_side
    frames = random.integers(0, 256, (_TIMED, side, side * 4 // 3, 3), dtype=np.uint8)
    best = [float("inf")] * len(backbones)
    for _ in range(_ROUNDS):
        for place, backbone in enumerate(backbones):
            started = time.perf_counter()
            backbone.clip_arrays([frames])
            best[place] = min(best[place], time.perf_counter() - started)
    return [_TIMED / one for one in best]


def _weights_m(backbone: Backbone) -> float:
    tower = backbone.model.visual
    return sum(one.numel() for one in tower.state_dict().values()) / 1e6


if __name__ == "__main__":
    main()
