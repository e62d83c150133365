"""Kinetics (400, 600, 700): a CSV file for each split, one clip of ten seconds a line.

Instead of the folder one of the files can be named; its column split says which lines are meant.
``train.csv``, ``val.csv`` or ``validate.csv``, and ``test.csv`` have at least the columns label,
youtube_id, time_start and time_end. A cut clip is called YOUTUBEID_SSSSSS_EEEEEE with its seconds
in six digits, as the usual tools leave it; a file called YOUTUBEID is taken for the whole upload,
of which the clip is read. The labels are those of ``kinetics_400_labels.csv`` (columns id and name)
where that lies in the folder, else all that the files name, in the order of the alphabet.
"""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.annotations import read_rows
from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import AnnotatedClips, LabelledClip, label_positions
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

_FILES = {"train": ("train.csv",), "val": ("val.csv", "validate.csv"), "test": ("test.csv",)}
_LABELS = "kinetics_400_labels.csv"
_SPLITS_BY_NAME = {**{name: name for name in SPLITS}, "validate": "val", "validation": "val"}
_COLUMNS = ("youtube_id", "time_start", "time_end")


def read(release: Release, split: str) -> AnnotatedClips:
    """One clip for each line."""
    return _read(release, release.file(*_FILES[split]), split, _label_list(release))


def read_file(release: Release, split: str, *, file: Path) -> AnnotatedClips:
    """The lines of one file that belong to a split; all where it has no column split."""
    return _read(release, file, split, _label_list(release, file))


def _read(release: Release, file: Path, split: str, labels: tuple[str, ...]) -> AnnotatedClips:
    positions = label_positions(labels)
    clips = []
    for line, row in read_rows(file, ("label", *_COLUMNS)):
        if _SPLITS_BY_NAME.get(row.get("split", "").strip().lower(), split) != split:
            continue
        name = row["label"].strip()
        if name not in positions:
            raise DatasetError.at(file, line, f"{name!r} is no label of {_LABELS}")
        clips.append(_clip(release, row, positions[name], split, file, line))
    return AnnotatedClips(labels, clips)


def _clip(
    release: Release, row: dict[str, str], label: int, split: str, file: Path, line: int
) -> LabelledClip:
    upload = row["youtube_id"].strip()
    try:
        start_s, end_s = float(row["time_start"]), float(row["time_end"])
    except ValueError as error:
        what = "time_start and time_end should be numbers of seconds"
        raise DatasetError.at(file, line, what) from error
    if not 0 <= start_s < end_s:
        raise DatasetError.at(file, line, f"a clip from {start_s:g} s to {end_s:g} s is none")
    name = f"{upload}_{int(start_s):06d}_{int(end_s):06d}"
    path = release.videos.find(name, upload)
    is_whole_upload = path.stem == upload
    return LabelledClip(
        video_id=name,
        path=path,
        labels=(label,),
        start_s=start_s if is_whole_upload else None,
        end_s=end_s if is_whole_upload else None,
        split=split,
        group=upload,
    )


def _label_list(release: Release, *files: Path) -> tuple[str, ...]:
    """The label list beside the files, or the labels in them; by default in those of all splits."""
    listed = release.folder / _LABELS
    if listed.is_file():
        return tuple(row["name"].strip() for _, row in read_rows(listed, ("id", "name")))
    usual = [release.folder / name for names in _FILES.values() for name in names]
    named = map(_named, files or filter(Path.is_file, usual))
    return tuple(sorted(set().union(*named)))


def _named(file: Path) -> set[str]:
    """The labels in a file; none where it has no such column, like the test of a challenge."""
    names = set()
    for line, row in read_rows(file, _COLUMNS):
        if not row.get("label", "-").strip():
            raise DatasetError.at(file, line, "the label is missing")
        names |= {row["label"].strip()} if "label" in row else set()
    return names
