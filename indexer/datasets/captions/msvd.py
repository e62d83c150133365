"""MSVD (the Microsoft Video Description corpus, ACL 2011).

``train_list.txt``, ``val_list.txt`` and ``test_list.txt`` name one video a line. The captions are
taken from the first of these that there is:

* ``AllVideoDescriptions.txt``: "VIDEO_ID caption" on each line, comments begin with "#"; this is
  the corpus's own English text file;
* ``raw-captions.json``: {VIDEO_ID: [caption or list of words, ...]}, what the pickle holds;
* ``video_corpus.csv``: the corpus's own table (VideoID, Start, End, ..., Language, Description),
  of which the English rows are read; a video's id is VideoID_Start_End.

``raw-captions.pkl``, which the retrieval papers pass on, is refused: opening a pickle runs whatever
its author wrote into it. `indexer.datasets.captions.pickled` makes the JSON file of it.
"""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.annotations import JsonFile, read_lines, read_rows
from indexer.datasets.clips import CaptionedClip, DatasetError
from indexer.datasets.published import Release

SPLITS = ("train", "val", "test")

_TEXT, _JSON, _TABLE = "AllVideoDescriptions.txt", "raw-captions.json", "video_corpus.csv"
_PICKLE = "raw-captions.pkl"


def read(release: Release, split: str) -> list[CaptionedClip]:
    """All captions of a split's videos."""
    captions = _captions(release)
    file = release.file(f"{split}_list.txt")
    clips = []
    for line, video_id in read_lines(file):
        if video_id not in captions:
            raise DatasetError.at(file, line, f"{video_id!r} has no caption")
        clips += [release.clip(video_id, caption, split) for caption in captions[video_id]]
    return clips


def _captions(release: Release) -> dict[str, list[str]]:
    if not any((release.folder / name).is_file() for name in (_TEXT, _JSON, _TABLE)):
        pickle = release.folder / _PICKLE
        if pickle.is_file():
            raise DatasetError.at(
                pickle,
                None,
                "pickles are not opened here, because they can run any program: make "
                f"{_JSON} of it with 'kinodex convert captions', which runs none",
            )
    file = release.file(_TEXT, _JSON, _TABLE)
    return {_TEXT: _from_text, _JSON: _from_json, _TABLE: _from_table}[file.name](file)


def _from_text(file: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for line, text in read_lines(file):
        if text.startswith("#"):
            continue
        video_id, _, caption = text.partition(" ")
        if not caption:
            raise DatasetError.at(file, line, f"there is no caption after {video_id!r}")
        captions.setdefault(video_id, []).append(caption)
    return captions


def _from_json(file: Path) -> dict[str, list[str]]:
    annotations = JsonFile(file)
    annotations.check(dict, "with the videos' ids")
    captions = {}
    for video_id in annotations.value:
        listed = annotations.field(annotations.value, video_id, list)
        captions[video_id] = [" ".join(one) if isinstance(one, list) else one for one in listed]
        if not all(isinstance(caption, str) for caption in captions[video_id]):
            raise annotations.wrong("a caption should be text or a list of words", video_id)
    return captions


def _from_table(file: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    columns = ("VideoID", "Start", "End", "Language", "Description")
    for _, row in read_rows(file, columns):
        if row["Language"] == "English" and row["Description"].strip():
            video_id = f"{row['VideoID']}_{row['Start']}_{row['End']}"
            captions.setdefault(video_id, []).append(row["Description"])
    return captions
