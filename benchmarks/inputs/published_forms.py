"""Tiny stand-ins for published data sets: clips of the small world, listed in the very forms."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from smallworld.clips.action_clips import single_actions
from smallworld.clips.actions import LABELS
from smallworld.clips.files import write_clip
from smallworld.clips.motions import MOTIONS
from smallworld.clips.moving import Clip
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import shot_of
from smallworld.stills.sprites import shipped_things
from smallworld.words.motion_captions import MotionCaptionWriter

_CAPTIONS, _SIDE = 2, 96


def write_msrvtt(folder: Path, *, training: int, validation: int, test: int, seed: int = 0) -> None:
    """MSR-VTT: its JSON with all captions, the training list of 9,000, the 1k-A test, `videos/`."""
    rng = np.random.default_rng([seed, 5])
    sampler, writer = ClipSampler(shipped_things(), rng), MotionCaptionWriter(rng)
    clips = [sampler.clip() for _ in range(training + validation + test)]
    names = [f"video{number}" for number in range(len(clips))]
    _write_videos(folder / "videos", zip(names, clips, strict=True))
    splits = ["train"] * training + ["validate"] * validation + ["test"] * test
    captions = [[writer.caption(clip).text for _ in range(_CAPTIONS)] for clip in clips]
    told = {
        "videos": [
            {"video_id": name, "split": split} for name, split in zip(names, splits, strict=True)
        ],
        "sentences": [
            {"video_id": name, "caption": caption}
            for name, several in zip(names, captions, strict=True)
            for caption in several
        ],
    }
    (folder / "MSRVTT_data.json").write_text(json.dumps(told), encoding="utf-8")
    listed = training + validation
    _write_table(folder / "MSRVTT_train.9k.csv", ["video_id"], [[name] for name in names[:listed]])
    _write_table(
        folder / "MSRVTT_JSFUSION_test.csv",
        ["video_id", "sentence"],
        [
            [name, several[0]]
            for name, several in zip(names[listed:], captions[listed:], strict=True)
        ],
    )


def write_kinetics(folder: Path, *, clips: int, seed: int = 0) -> None:
    """Kinetics: `val.csv` and the cut clips that it names, in `videos/`."""
    acting = single_actions(shipped_things(), seed=seed, count=clips)
    uploads = [f"upload{number:05d}" for number in range(clips)]
    named = zip((f"{upload}_000000_000010" for upload in uploads), acting, strict=True)
    _write_videos(folder / "videos", named)
    rows = [
        [LABELS[MOTIONS.index(clip.event)], upload, 0, 10]
        for clip, upload in zip(acting, uploads, strict=True)
    ]
    _write_table(folder / "val.csv", ["label", "youtube_id", "time_start", "time_end"], rows)


def _write_videos(folder: Path, named: Iterable[tuple[str, Clip]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, clip in named:
        write_clip(folder / f"{name}.mp4", [shot_of(clip)], width=_SIDE, height=_SIDE, frame_rate=8)


def _write_table(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerows([columns, *rows])
