"""What a person has said of a library's segments, as clips to learn from."""

from __future__ import annotations

from pathlib import Path

from indexer.datasets.clips import DatasetError
from indexer.datasets.labelled import LabelledClip, LabelledDataset, label_positions
from search.catalog.store import Store
from search.tags.corrections import CorrectedSegment, corrected_segments


def load_corrections(folder: Path) -> LabelledDataset:
    """The segments of which a person has said that a label holds, with all such labels.

    A segment of which it was only said what does not hold teaches nothing here: what does hold is
    not known. Missing videos are left out.

    Raises DatasetError when nothing is left, KinodexError for a folder that is no library.
    """
    with Store.open(folder) as library, library.reading() as session:
        spoken_of = list(corrected_segments(session))
    useful = [segment for segment in spoken_of if segment.labels and segment.path]
    if not useful:
        raise DatasetError(
            f"nobody has said yet what holds in a segment of the library {str(folder)!r}: "
            "say it with 'kinodex tag --correct SEGMENT LABEL'"
        )
    labels = tuple(sorted({label for segment in useful for label in segment.labels}))
    positions = label_positions(labels)
    clips = tuple(_clip(segment, positions) for segment in useful)
    return LabelledDataset("corrections", "train", labels, clips)


def _clip(segment: CorrectedSegment, positions: dict[str, int]) -> LabelledClip:
    assert segment.path is not None  # noqa: S101 - those without are left out above
    return LabelledClip(
        video_id=f"{segment.content_hash}@{segment.start_s:g}-{segment.end_s:g}",
        path=segment.path,
        labels=tuple(sorted(positions[label] for label in segment.labels)),
        start_s=segment.start_s,
        end_s=segment.end_s,
        group=segment.content_hash,
    )
