"""Something-Something V2: what hands do with things; most labels tell of a direction in time.

``something-something-v2-labels.json`` is an object {LABEL: NUMBER}. ``...-train.json`` and
``...-validation.json`` are lists of objects with an "id" and a "template", which is a label with
[brackets] around its placeholders. The names without "something-something-v2-" will do too. As in
the papers, validation is the test.
"""

from __future__ import annotations

from typing import Any

from indexer.datasets.annotations import JsonFile
from indexer.datasets.labelled import AnnotatedClips, LabelledClip, label_positions
from indexer.datasets.published import Release

SPLITS = ("train", "test")

_PREFIX = "something-something-v2-"
_FILES = {"train": "train.json", "test": "validation.json"}


def read(release: Release, split: str) -> AnnotatedClips:
    """One clip for each object."""
    labels = _label_list(_json(release, "labels.json"))
    positions = label_positions(labels)
    annotations = _json(release, _FILES[split])
    annotations.check(list, "of clips")
    clips = []
    for number, record in enumerate(annotations.value):
        video_id = annotations.field(record, "id", str, number)
        template = annotations.field(record, "template", str, number)
        label = template.replace("[", "").replace("]", "")
        if label not in positions:
            raise annotations.wrong(f"{label!r} is none of the labels", number, "template")
        path = release.videos.find(video_id)
        clips.append(LabelledClip(video_id, path, (positions[label],), split=split))
    return AnnotatedClips(labels, clips)


def _json(release: Release, name: str) -> JsonFile:
    return JsonFile(release.file(_PREFIX + name, name))


def _label_list(file: JsonFile) -> tuple[str, ...]:
    file.check(dict, "of labels and numbers")
    numbered: dict[int, str] = {}
    for label, number in file.value.items():
        position = _position(number)
        if not 0 <= position < len(file.value) or position in numbered:
            what = f"{number!r} is no number that only this label has, below {len(file.value)}"
            raise file.wrong(what, label)
        numbered[position] = label
    return tuple(numbered[position] for position in range(len(numbered)))


def _position(number: Any) -> int:
    try:
        return int(number)
    except (TypeError, ValueError):
        return -1
