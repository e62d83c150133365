"""What every dataset becomes: captioned clips, each a file, perhaps a window of it, and a text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from models.errors import KinodexError

# The split of clips whose file does not speak of splits: they serve for any.
ANY_SPLIT = "all"


class DatasetError(KinodexError):
    """An annotation file that is missing or wrong; the text names the file, and the line."""

    @classmethod
    def at(cls, file: Path, line: int | None, what: str) -> DatasetError:
        """An error about one line of a file (lines count from 1), or about the file as a whole."""
        place = str(file) if line is None else f"{file}, line {line}"
        return cls(f"{place}: {what}")


@dataclass(frozen=True)
class ClipWindow:
    """What is decoded: a file, or the part of it from ``start_s`` to ``end_s``."""

    path: Path
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class CaptionedClip:
    """One caption of one video. A video with several captions has several of these.

    ``start_s`` and ``end_s`` are None where the clip is the file from its start, or to its end.
    """

    video_id: str
    path: Path
    caption: str
    start_s: float | None = None
    end_s: float | None = None
    split: str = ANY_SPLIT

    @property
    def window(self) -> ClipWindow:
        """What must be decoded for it."""
        return ClipWindow(self.path, self.start_s, self.end_s)


@dataclass(frozen=True)
class Dataset:
    """The captioned clips of one split, in the order of their files."""

    name: str
    split: str
    clips: tuple[CaptionedClip, ...]

    @cached_property
    def video_ids(self) -> tuple[str, ...]:
        """The distinct videos, in order of first appearance."""
        return tuple(dict.fromkeys(clip.video_id for clip in self.clips))

    @cached_property
    def video_of_clip(self) -> tuple[int, ...]:
        """For each clip the position of its video in `video_ids`."""
        positions = {video_id: position for position, video_id in enumerate(self.video_ids)}
        return tuple(positions[clip.video_id] for clip in self.clips)

    @cached_property
    def windows(self) -> tuple[ClipWindow, ...]:
        """What must be decoded for each of `video_ids`."""
        first = {clip.video_id: clip.window for clip in reversed(self.clips)}
        return tuple(first[video_id] for video_id in self.video_ids)

    @property
    def captions(self) -> list[str]:
        """The caption of each clip."""
        return [clip.caption for clip in self.clips]

    def without(self, windows: Iterable[ClipWindow]) -> Dataset:
        """The same without the clips of these windows, which cannot be decoded."""
        left_out = set(windows)
        kept = tuple(clip for clip in self.clips if clip.window not in left_out)
        return replace(self, clips=kept)

    def held_out(self, videos: int) -> tuple[Dataset, Dataset]:
        """Two parts that share no video: most of it, and ``videos`` videos to validate with.

        Which videos are held out depends on their ids only, not on their order.
        """
        chosen = set(sorted(self.video_ids, key=shuffled_key)[:videos])
        kept = tuple(clip for clip in self.clips if clip.video_id not in chosen)
        held = tuple(clip for clip in self.clips if clip.video_id in chosen)
        return replace(self, clips=kept), replace(self, clips=held, split="held out")


def one_caption_each(dataset: Dataset) -> Dataset:
    """The first caption of every video only."""
    first: dict[str, CaptionedClip] = {}
    for clip in dataset.clips:
        first.setdefault(clip.video_id, clip)
    return replace(dataset, clips=tuple(first.values()))


def in_paragraphs(clips: Sequence[CaptionedClip]) -> list[CaptionedClip]:
    """One clip for each video, whose caption is all its captions joined in their order."""
    captions: dict[str, list[str]] = {}
    first: dict[str, CaptionedClip] = {}
    for clip in clips:
        first.setdefault(clip.video_id, clip)
        captions.setdefault(clip.video_id, []).append(clip.caption)
    return [replace(clip, caption=" ".join(captions[video_id])) for video_id, clip in first.items()]


def shuffled_key(name: str) -> bytes:
    """A key to sort names by that mixes them, always in the same way."""
    encoded = name.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(encoded, digest_size=8).digest()
