"""From what is typed after --data and --split to the clips that are meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from indexer.datasets.clips import ANY_SPLIT, ClipWindow, DatasetError
from indexer.datasets.lists import SUFFIXES
from models.files import typed_path

# The names of splits that a list of one's own may be asked for, whether it has them or not.
_USUAL_SPLITS = ("train", "val", "test")


class _OfSplit(Protocol):
    @property
    def split(self) -> str: ...


_Clip = TypeVar("_Clip", bound=_OfSplit)


class NothingInSplit(DatasetError):
    """The dataset has no clip in the split that was asked for."""


def parse_spec(spec: str, published: Sequence[str]) -> tuple[str, Path | None]:
    """The name and folder of a published dataset; (spec, None) for a list of one's own.

    Raises DatasetError for anything else.
    """
    name, colon, folder = spec.partition(":")
    if colon and name in published:
        return name, typed_path(folder or ".")
    if spec.lower().endswith(SUFFIXES):
        return spec, None
    raise DatasetError(
        f"{spec!r} is no dataset: name a .csv or .jsonl file, or NAME:FOLDER with NAME one of "
        f"{', '.join(published)}"
    )


def of_split(clips: Sequence[_Clip], split: str, name: str) -> list[_Clip]:
    """The clips of a list of one's own that belong to a split; all if it names no splits."""
    named = sorted({clip.split for clip in clips} - {ANY_SPLIT})
    if not named:
        return list(clips)
    wanted = set(chosen_splits(split, (*named, *_USUAL_SPLITS), name))
    return [clip for clip in clips if clip.split in wanted]


def chosen_splits(split: str, known: Sequence[str], name: str) -> list[str]:
    """The splits that are joined by "+". Raises DatasetError for one that is not known."""
    parts = split.split("+")
    for part in parts:
        if part not in known:
            choices = ", ".join(dict.fromkeys(known))
            raise DatasetError(f"{name} has no split {part!r}: choose from {choices}")
    return parts


def check_videos(windows: Sequence[ClipWindow], videos: Path, *, name: str, split: str) -> None:
    """Raises DatasetError when a split is empty, or not one of its videos is in the folder."""
    if not windows:
        raise NothingInSplit(f"{name} has nothing in its split {split!r}")
    if not any(window.path.exists() for window in windows):
        raise DatasetError(
            f"none of the {len(windows)} videos of {name} is in "
            f"{str(videos)!r}: name their folder with --videos"
        )


def held_out_size(asked: int, videos: int) -> int:
    """How many videos are held out: as many as were asked for, or a fifth where there are few."""
    return min(asked, max(1, videos // 5))
