"""Charades: home videos of half a minute in which several actions hold, also at once.

``Charades_v1_classes.txt`` has lines "c000 Holding some clothes". ``Charades_v1_train.csv`` and
``Charades_v1_test.csv`` have, among others, the columns id, subject and actions; the last one reads
"c092 11.90 21.20;c147 0.00 12.60" and may be empty.

Two ways to read them: whole videos with all their labels, as published figures are made; or
moments, one clip for each action's time with all labels that hold for half of it or more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.datasets.annotations import read_lines, read_rows
from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledClip, label_positions
from indexer.datasets.published import Release

SPLITS = ("train", "test")

_LABELS = "Charades_v1_classes.txt"
_FILES = {"train": "Charades_v1_train.csv", "test": "Charades_v1_test.csv"}
_COLUMNS = ("id", "subject", "actions")


@dataclass(frozen=True)
class _Action:
    """One action of a video and when it happens."""

    label: int
    start_s: float
    end_s: float

    def covers_half_of(self, other: _Action) -> bool:
        """Whether it holds for half of the other's time, or more."""
        shared_s = min(self.end_s, other.end_s) - max(self.start_s, other.start_s)
        return shared_s >= (other.end_s - other.start_s) / 2


_Cut = Callable[[Path, dict[str, str], list[_Action], str], list[LabelledClip]]


def read_videos(release: Release, split: str) -> AnnotatedClips:
    """One clip for each video, with all its labels."""
    return _read(release, split, _whole)


def read_moments(release: Release, split: str) -> AnnotatedClips:
    """One clip for each time of an action; actions with the same times share one."""
    return _read(release, split, _moments)


def _read(release: Release, split: str, cut: _Cut) -> AnnotatedClips:
    names = _class_names(release.file(_LABELS))
    positions = label_positions(tuple(names))
    file = release.file(_FILES[split])
    clips = []
    for line, row in read_rows(file, _COLUMNS):
        actions = _actions(row["actions"], positions, file, line)
        clips += cut(release.videos.find(row["id"].strip()), row, actions, split)
    return AnnotatedClips(tuple(names.values()), clips)


def _class_names(file: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for line, text in read_lines(file):
        code, _, name = text.partition(" ")
        if not name.strip() or code in names:
            raise DatasetError.at(file, line, f"{text!r} is not a new code and its name")
        names[code] = name.strip()
    return names


def _actions(text: str, positions: dict[str, int], file: Path, line: int) -> list[_Action]:
    actions = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            code, start_s, end_s = part.split()
            action = _Action(positions[code], float(start_s), float(end_s))
        except KeyError as error:
            raise DatasetError.at(file, line, f"{code!r} is no code of {_LABELS}") from error
        except ValueError as error:
            what = f"{part!r} is not a code with a start and an end in seconds"
            raise DatasetError.at(file, line, what) from error
        actions.append(action)
    return actions


def _whole(
    path: Path, row: dict[str, str], actions: list[_Action], split: str
) -> list[LabelledClip]:
    labels = tuple(sorted({action.label for action in actions}))
    video_id = row["id"].strip()
    return [LabelledClip(video_id, path, labels, split=split, group=row["subject"].strip())]


def _moments(
    path: Path, row: dict[str, str], actions: list[_Action], split: str
) -> list[LabelledClip]:
    clips: dict[tuple[float, float], LabelledClip] = {}
    for moment in actions:
        times = max(0.0, moment.start_s), moment.end_s
        if times[1] <= times[0] or times in clips:
            continue  # some were marked backwards: they have no time to be seen in
        labels = {other.label for other in actions if other.covers_half_of(moment)}
        clips[times] = LabelledClip(
            video_id=f"{row['id'].strip()}@{times[0]:g}-{times[1]:g}",
            path=path,
            labels=tuple(sorted(labels)),
            start_s=times[0],
            end_s=times[1],
            split=split,
            group=row["subject"].strip(),
        )
    return list(clips.values())
