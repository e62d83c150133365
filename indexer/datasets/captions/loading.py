"""From what is typed after --data to a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Literal

from indexer.datasets.annotations import VideoFiles
from indexer.datasets.captions import activitynet, didemo, lsmdc, msrvtt, msvd, plain
from indexer.datasets.clips import ANY_SPLIT, CaptionedClip, Dataset, DatasetError
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

_Read = Callable[[Release, str], list[CaptionedClip]]

_READERS: dict[str, tuple[ModuleType, _Read]] = {
    "msrvtt-7k": (msrvtt, msrvtt.read_7k),
    "msrvtt-9k": (msrvtt, msrvtt.read_9k),
    "msvd": (msvd, msvd.read),
    "lsmdc": (lsmdc, lsmdc.read),
    "activitynet": (activitynet, activitynet.read),
    "didemo": (didemo, didemo.read),
}
PUBLISHED = tuple(_READERS)


def load_dataset(spec: str, *, videos: Path | None = None, split: str) -> Dataset:
    """The clips of a split, whose videos need not all be there.

    spec: a CSV or JSONL file of your own, or NAME:FOLDER with one of `PUBLISHED` and the folder of
        its annotation files.
    videos: the folder below which the videos lie; by default that of the annotations.
    split: "train", "val" or "test", or several joined by "+". A list of your own that names no
        splits serves for any.

    Raises DatasetError, which names the file and the line.
    """
    name, folder = parse_spec(spec, PUBLISHED)
    if folder is None:
        return _from_list(typed_path(spec), videos, split)
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {str(folder)!r} with the files of {name}")
    module, read = _READERS[name]
    release = Release(folder, VideoFiles(videos or folder))
    clips = [
        clip for part in chosen_splits(split, module.SPLITS, name) for clip in read(release, part)
    ]
    return _checked(Dataset(name, split, tuple(clips)), videos or folder)


def usual_count(spec: str) -> Literal["time", "frames"]:
    """What a second of a video is, see `Sampling`: for published data sets as papers count.

    Raises DatasetError for what is no dataset.
    """
    return "frames" if parse_spec(spec, PUBLISHED)[1] else "time"


def load_training_data(
    spec: str, *, videos: Path | None = None, validation_videos: int = 500
) -> tuple[Dataset, Dataset]:
    """What to train on and what to choose the model by; they share no video.

    A dataset without a validation split gives up ``validation_videos`` of its training videos, or
    a fifth of them if they are few. The test split is never touched.

    Raises DatasetError.
    """
    training = load_dataset(spec, videos=videos, split="train")
    name, folder = parse_spec(spec, PUBLISHED)
    is_whole = {clip.split for clip in training.clips} == {ANY_SPLIT}
    has_validation = "val" in _READERS[name][0].SPLITS if folder else not is_whole
    if has_validation:
        try:
            validation = load_dataset(spec, videos=videos, split="val")
            return training, validation
        except NothingInSplit:
            pass
    return training.held_out(held_out_size(validation_videos, len(training.video_ids)))


def _from_list(file: Path, videos: Path | None, split: str) -> Dataset:
    clips = of_split(plain.read(file, videos), split, file.name)
    return _checked(Dataset(file.name, split, tuple(clips)), videos or file.parent)


def _checked(dataset: Dataset, videos: Path) -> Dataset:
    check_videos(dataset.windows, videos, name=dataset.name, split=dataset.split)
    return dataset
