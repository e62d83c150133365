"""What every data set of actions becomes: clips, each with the labels that hold in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.datasets.clips import ANY_SPLIT, ClipWindow, DatasetError, shuffled_key
from models.labels.prompts import readable_label


@dataclass(frozen=True)
class LabelledClip:
    """One clip with all its labels, as positions in the data set's list, rising.

    No labels at all means that nothing in the list happens in it. ``start_s`` and ``end_s`` are
    None where the clip is the file from its start, or to its end. Clips of the same ``group``
    were cut from the same footage, so they must not be parted into training and validation.
    """

    video_id: str
    path: Path
    labels: tuple[int, ...]
    start_s: float | None = None
    end_s: float | None = None
    split: str = ANY_SPLIT
    group: str | None = None

    @property
    def window(self) -> ClipWindow:
        """What must be decoded for it."""
        return ClipWindow(self.path, self.start_s, self.end_s)


@dataclass(frozen=True)
class LabelledDataset:
    """The clips of one split, in the order of their files, and the list of all labels.

    The list is the same for all splits of a data set, whichever labels the clips here have.
    """

    name: str
    split: str
    labels: tuple[str, ...]
    clips: tuple[LabelledClip, ...]

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def windows(self) -> tuple[ClipWindow, ...]:
        """What must be decoded for each clip."""
        return tuple(clip.window for clip in self.clips)

    @cached_property
    def targets(self) -> np.ndarray:
        """Which labels hold; shape: (clips, labels), bool."""
        held = np.zeros((len(self.clips), len(self.labels)), bool)
        for row, clip in enumerate(self.clips):
            held[row, list(clip.labels)] = True
        return held

    def without(self, windows: Iterable[ClipWindow]) -> LabelledDataset:
        """The same without these clips, which cannot be decoded."""
        left_out = set(windows)
        return self._of(clip for clip in self.clips if clip.window not in left_out)

    def held_out(self, clips: int) -> tuple[LabelledDataset, LabelledDataset]:
        """Two parts that share no footage: most of it, and about ``clips`` clips to validate with.

        Whole groups are held out, as many as fit, and never the last clips that have a label.
        Which ones depends on their names only, not on their order.
        """
        groups: dict[str, list[LabelledClip]] = {}
        for clip in self.clips:
            groups.setdefault(_footage(clip), []).append(clip)
        without_labels = sum(not clip.labels for clip in self.clips)
        # Clips without a label get their share and no more: they alone measure nothing.
        room = {False: clips * without_labels // max(1, len(self.clips))}
        room[True] = clips - room[False]
        left = Counter(label for clip in self.clips for label in clip.labels)
        held: set[str] = set()
        for name in sorted(groups, key=shuffled_key):
            taken = Counter(label for clip in groups[name] for label in clip.labels)
            is_last = any(left[label] == count for label, count in taken.items())
            if len(groups[name]) <= room[bool(taken)] and not is_last:
                held.add(name)
                room[bool(taken)] -= len(groups[name])
                left -= taken
        kept = self._of(clip for clip in self.clips if _footage(clip) not in held)
        away = self._of(clip for clip in self.clips if _footage(clip) in held)
        return kept, replace(away, split="held out")

    def _of(self, clips: Iterable[LabelledClip]) -> LabelledDataset:
        return replace(self, clips=tuple(clips))


def joined(first: LabelledDataset, second: LabelledDataset) -> LabelledDataset:
    """The clips of both, under the labels of the first and then the new ones of the second.

    Labels that read the same are one, however they are spelt ("YoYo", "yo yo").
    """
    positions = {readable_label(label): at for at, label in enumerate(first.labels)}
    new = [label for label in second.labels if readable_label(label) not in positions]
    labels = (*first.labels, *new)
    positions = {readable_label(label): at for at, label in enumerate(labels)}
    moved = [positions[readable_label(label)] for label in second.labels]
    added = (
        replace(clip, labels=tuple(sorted({moved[label] for label in clip.labels})))
        for clip in second.clips
    )
    name = f"{first.name} and {second.name}"
    return replace(first, name=name, labels=labels, clips=(*first.clips, *added))


def few_shot(dataset: LabelledDataset, shots: int, *, seed: int) -> LabelledDataset:
    """At most ``shots`` clips of each label, chosen by chance, in their order; the seed decides.

    A clip with several labels counts for each of them, and is taken while one of them lacks
    clips. Clips without a label are kept up to the same number. The chance depends on the clips'
    names, not on their order in the files. Raises DatasetError for less than one shot.
    """
    if shots < 1:
        raise DatasetError(f"{shots} clips of each label are none to learn from: use at least 1")
    taken: Counter[int | None] = Counter()
    chosen: set[LabelledClip] = set()
    for clip in sorted(dataset.clips, key=lambda clip: shuffled_key(f"{seed} {_name(clip)}")):
        wanted: Sequence[int | None] = clip.labels or (None,)
        if any(taken[label] < shots for label in wanted):
            taken.update(wanted)
            chosen.add(clip)
    return replace(dataset, clips=tuple(clip for clip in dataset.clips if clip in chosen))


def _name(clip: LabelledClip) -> str:
    return f"{clip.video_id} {clip.start_s} {clip.end_s}"


def _footage(clip: LabelledClip) -> str:
    return clip.group or clip.video_id


class AnnotatedClips(NamedTuple):
    """The clips of a split, whose labels are positions in ``labels``."""

    labels: tuple[str, ...]
    clips: list[LabelledClip]


def label_positions(labels: Sequence[str]) -> dict[str, int]:
    """Where each label stands in the list."""
    return {label: position for position, label in enumerate(labels)}
