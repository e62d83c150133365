"""MSR-VTT (CVPR 2016): one JSON file with all captions, and lists of videos as CSV.

``MSRVTT_data.json`` has "videos" (with "video_id" and the official "split") and "sentences" (with
"video_id" and "caption"). ``MSRVTT_train.9k.csv`` and ``MSRVTT_train.7k.csv`` list training videos
in a column "video_id"; ``MSRVTT_JSFUSION_test.csv`` is the 1k-A test: 1,000 videos with one
"sentence" each.

Both training lists contain the official validation videos. Here these are the split "val" and not
part of "train", so that a model is never chosen on the test videos; "train+val" is the list as
published.
"""

from __future__ import annotations

from indexer.datasets.annotations import JsonFile, read_rows
from indexer.datasets.clips import CaptionedClip, DatasetError
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

_OFFICIAL_VALIDATION = "validate"


def read_7k(release: Release, split: str) -> list[CaptionedClip]:
    """The clips of a split, with the training list of 7,010 videos."""
    return _read(release, split, "MSRVTT_train.7k.csv")


def read_9k(release: Release, split: str) -> list[CaptionedClip]:
    """The clips of a split, with the training list of 9,000 videos."""
    return _read(release, split, "MSRVTT_train.9k.csv")


def _read(release: Release, split: str, training_list: str) -> list[CaptionedClip]:
    if split == "test":
        return _test(release)
    annotations = JsonFile(release.file("MSRVTT_data.json"))
    captions = _captions(annotations)
    validation = _validation_videos(annotations)
    file = release.file(training_list)
    clips = []
    for line, row in read_rows(file, ("video_id",)):
        video_id = row["video_id"].strip()
        if (video_id in validation) != (split == "val"):
            continue
        if video_id not in captions:
            what = f"{video_id!r} has no sentence in {annotations.file.name}"
            raise DatasetError.at(file, line, what)
        clips += [release.clip(video_id, caption, split) for caption in captions[video_id]]
    return clips


def _test(release: Release) -> list[CaptionedClip]:
    rows = read_rows(release.file("MSRVTT_JSFUSION_test.csv"), ("video_id", "sentence"))
    return [release.clip(row["video_id"].strip(), row["sentence"], "test") for _, row in rows]


def _captions(annotations: JsonFile) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for number, sentence in enumerate(annotations.field(annotations.value, "sentences", list)):
        keys = ("sentences", number)
        video_id = annotations.field(sentence, "video_id", str, *keys)
        caption = annotations.field(sentence, "caption", str, *keys)
        captions.setdefault(video_id, []).append(caption)
    return captions


def _validation_videos(annotations: JsonFile) -> set[str]:
    validation = set()
    for number, video in enumerate(annotations.field(annotations.value, "videos", list)):
        video_id = annotations.field(video, "video_id", str, "videos", number)
        if video.get("split") == _OFFICIAL_VALIDATION:
            validation.add(video_id)
    return validation
