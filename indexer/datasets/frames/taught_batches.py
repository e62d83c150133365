"""A library's frames as lessons: which ones are held out, and batches of the others."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch

from indexer.datasets.frames.library_frames import LibraryFrames
from models.errors import KinodexError
from search.stored_frames import StoredVideo

# With fewer videos than these a few that are held out say little, and cost much: their segments
# are shared out instead.
_ENOUGH_VIDEOS = 10
_AT_ONCE = 64

Thing = TypeVar("Thing")


def enough_of(videos: Sequence[StoredVideo], most: int) -> list[StoredVideo]:
    """Videos of no more frames than `most` together, in their order, which is by chance.

    At least one, however long it is.
    """
    kept: list[StoredVideo] = []
    frames = 0
    for video in videos:
        if not kept or frames + video.frames <= most:
            kept.append(video)
            frames += video.frames
    return kept


def held_out(frames: LibraryFrames, share: float) -> tuple[LibraryFrames, LibraryFrames, str]:
    """The frames to learn from, those to measure on, and what was held out: "video"s or
    "segment"s.

    Which ones is decided by contents alone, so it is the same in every run.

    Raises KinodexError where there are too few segments to hold any out.
    """
    videos = sorted(set(frames.videos))
    if len(videos) >= _ENOUGH_VIDEOS:
        some = set(_chosen(videos, share, key=str))
        numbers = [number for number, video in enumerate(frames.videos) if video in some]
        what = "video"
    else:
        every = range(len(frames.segments))
        numbers = _chosen(every, share, key=lambda number: _name_of(frames, number))
        what = "segment"
    rest = sorted(set(range(len(frames.segments))) - set(numbers))
    if not rest or not numbers:
        raise KinodexError(
            f"there are {len(frames.segments)} segments, which is too few to learn from some and "
            "to measure on others: index more first"
        )
    return _some_of(frames, rest), _some_of(frames, sorted(numbers)), what


class TaughtBatches:
    """Frames in batches, each once in an epoch; what a step gets depends on seed and step alone.

    device: where the batches are wanted
    """

    def __init__(
        self, frames: LibraryFrames, batch_size: int, *, seed: int, device: torch.device
    ) -> None:
        self._frames, self._seed, self._device = frames, seed, device
        self._batch_size = min(batch_size, frames.count)
        self.steps_per_epoch = max(1, frames.count // self._batch_size)
        lengths = [len(one) for one in frames.pictures]
        self._segment = np.repeat(np.arange(len(lengths)), lengths)
        self._row = np.concatenate([np.arange(length) for length in lengths])

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """See `TaughtFrames`."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self._seed, 17, epoch]).permutation(len(self._row))
        return self._rows(order[place * self._batch_size :][: self._batch_size])

    def all(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See `TaughtFrames`."""
        for start in range(0, len(self._row), _AT_ONCE):
            yield self._rows(np.arange(start, min(start + _AT_ONCE, len(self._row))))

    def _rows(self, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        places = list(
            zip(self._segment[numbers].tolist(), self._row[numbers].tolist(), strict=True)
        )
        pictures = np.stack([self._frames.pictures[segment][row] for segment, row in places])
        embeddings = [self._frames.segments[segment].embeddings[row] for segment, row in places]
        shown, made = torch.from_numpy(pictures), torch.from_numpy(np.stack(embeddings))
        return shown.to(self._device), made.to(self._device)


def _chosen(things: Sequence[Thing], share: float, key: Callable[[Thing], str]) -> list[Thing]:
    """A share of them, at least one and not all, by a digest of their names."""
    count = min(max(1, round(share * len(things))), len(things) - 1)
    ranked = sorted(things, key=lambda thing: hashlib.blake2b(key(thing).encode()).digest())
    return ranked[:count]


def _name_of(frames: LibraryFrames, number: int) -> str:
    return f"{frames.videos[number]} {frames.segments[number].position}"


def _some_of(frames: LibraryFrames, numbers: Sequence[int]) -> LibraryFrames:
    return LibraryFrames(
        tuple(frames.pictures[number] for number in numbers),
        tuple(frames.segments[number] for number in numbers),
        tuple(frames.videos[number] for number in numbers),
    )
