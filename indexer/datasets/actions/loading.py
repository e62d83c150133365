"""From what is typed after --data to clips with labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

from indexer.datasets.actions import charades, hmdb51, kinetics, plain, something, ucf101
from indexer.datasets.actions.corrected import load_corrections
from indexer.datasets.annotations import VideoFiles
from indexer.datasets.clips import ANY_SPLIT, DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledDataset, joined
from indexer.datasets.published import Release
from indexer.datasets.selection import (
    NothingInSplit,
    check_videos,
    chosen_splits,
    held_out_size,
    of_split,
    parse_spec,
)
from models.files import typed_path

_Read = Callable[[Release, str], AnnotatedClips]


def _three_ways(name: str, module: ModuleType) -> dict[str, tuple[ModuleType, _Read]]:
    """A data set that is parted in three ways; without a number it is the first."""
    numbered = {f"{name}-{way}": (module, partial(module.read, way=way)) for way in (1, 2, 3)}
    return {name: numbered[f"{name}-1"], **numbered}


_READERS: dict[str, tuple[ModuleType, _Read]] = {
    "kinetics": (kinetics, kinetics.read),
    **_three_ways("ucf101", ucf101),
    **_three_ways("hmdb51", hmdb51),
    "ssv2": (something, something.read),
    "charades": (charades, charades.read_videos),
    "charades-moments": (charades, charades.read_moments),
}
PUBLISHED = tuple(_READERS)


def load_actions(spec: str, *, videos: Path | None = None, split: str) -> LabelledDataset:
    """The clips of a split, whose videos need not all be there.

    spec: a CSV or JSONL file of your own, or NAME:FOLDER with one of `PUBLISHED` and the folder of
        its annotation files; "kinetics:FILE.csv" is one of them alone.
    videos: the folder below which the videos lie; by default that of the annotations.
    split: "train", "val" or "test", or several joined by "+". A list of your own that names no
        splits serves for any.

    Raises DatasetError, which names the file and the line.
    """
    name, folder = parse_spec(spec, PUBLISHED)
    if folder is None:
        return _from_list(typed_path(spec), videos, split)
    module, read = _READERS[name]
    if module is kinetics and folder.is_file():
        folder, read = folder.parent, partial(kinetics.read_file, file=folder)
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {str(folder)!r} with the files of {name}")
    release = Release(folder, VideoFiles(videos or folder))
    parts = [read(release, part) for part in chosen_splits(split, module.SPLITS, name)]
    clips = tuple(clip for part in parts for clip in part.clips)
    return _checked(LabelledDataset(name, split, parts[0].labels, clips), videos or folder)


def load_action_training(
    spec: str | None,
    *,
    library: Path | None = None,
    videos: Path | None = None,
    validation_clips: int = 500,
) -> tuple[LabelledDataset, LabelledDataset]:
    """What to train on and what to choose the model by; they share no footage.

    spec: as in `load_actions`; or None for nothing but the library's corrections.
    library: the folder of a library; what people have said of its segments is learnt from too.

    A data set without a validation split gives up about ``validation_clips`` of its training
    clips, or a fifth of them if they are few. The test split is never touched. Where there is a
    data set, all corrections are trained on.

    Raises DatasetError.
    """
    corrections = load_corrections(library) if library is not None else None
    if spec is None:
        if corrections is None:
            raise DatasetError("there is nothing to train on: give --data or --from-library")
        return _held_out(corrections, validation_clips)
    training, validation = _published_or_listed(spec, videos, validation_clips)
    if corrections is None:
        return training, validation
    together = joined(training, corrections)
    return together, replace(validation, labels=together.labels)


def _published_or_listed(
    spec: str, videos: Path | None, validation_clips: int
) -> tuple[LabelledDataset, LabelledDataset]:
    training = load_actions(spec, videos=videos, split="train")
    name, folder = parse_spec(spec, PUBLISHED)
    is_whole = {clip.split for clip in training.clips} == {ANY_SPLIT}
    has_validation = "val" in _READERS[name][0].SPLITS if folder else not is_whole
    if has_validation:
        try:
            return training, load_actions(spec, videos=videos, split="val")
        except NothingInSplit:
            pass
    return _held_out(training, validation_clips)


def _held_out(
    training: LabelledDataset, validation_clips: int
) -> tuple[LabelledDataset, LabelledDataset]:
    kept, held = training.held_out(held_out_size(validation_clips, len(training)))
    if not held.targets.any():
        raise DatasetError(
            f"{training.name} has too few clips to hold some out to choose the best step by: "
            "labels need clips from two different videos"
        )
    return kept, held


def _from_list(file: Path, videos: Path | None, split: str) -> LabelledDataset:
    labels, clips = plain.read(file, videos)
    chosen = tuple(of_split(clips, split, file.name))
    return _checked(LabelledDataset(file.name, split, labels, chosen), videos or file.parent)


def _checked(dataset: LabelledDataset, videos: Path) -> LabelledDataset:
    check_videos(dataset.windows, videos, name=dataset.name, split=dataset.split)
    if not dataset.labels:
        raise DatasetError(f"{dataset.name} names no label")
    return dataset
