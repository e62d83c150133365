"""ActivityNet Captions, as paragraphs: all sentences of a video joined, against the whole video.

``train.json`` and ``val_1.json`` are objects {VIDEO_ID: {"duration", "timestamps", "sentences"}}.
As in the papers, val_1 is the test. ``val_2.json`` describes the same videos, so it is no
validation split: hold out some training videos instead. An id is "v_" and what YouTube calls the
video; files are named after either, by who has downloaded them.
"""

from __future__ import annotations

from indexer.datasets.annotations import JsonFile
from indexer.datasets.clips import CaptionedClip
from indexer.datasets.published import Release

SPLITS = ("train", "test")

_PREFIX = "v_"
_FILES = {"train": "train.json", "test": "val_1.json"}


def read(release: Release, split: str) -> list[CaptionedClip]:
    """One clip for each video."""
    annotations = JsonFile(release.file(_FILES[split]))
    annotations.check(dict, "with the videos' ids")
    return [
        release.clip(
            video_id, _paragraph(annotations, video_id), split, others=_other_names(video_id)
        )
        for video_id in annotations.value
    ]


def _other_names(video_id: str) -> tuple[str, ...]:
    bare = video_id.removeprefix(_PREFIX)
    return (bare,) if bare != video_id else (_PREFIX + bare,)


def _paragraph(annotations: JsonFile, video_id: str) -> str:
    video = annotations.value[video_id]
    sentences = annotations.field(video, "sentences", list, video_id)
    timestamps = annotations.field(video, "timestamps", list, video_id)
    if len(sentences) != len(timestamps) or not sentences:
        what = f"{len(sentences)} sentences and {len(timestamps)} timestamps: each needs one"
        raise annotations.wrong(what, video_id)
    for number, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise annotations.wrong("a sentence should be text", video_id, "sentences", number)
    return " ".join(sentences)
