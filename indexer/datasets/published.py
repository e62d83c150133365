"""What the readers of published datasets share: where their files and videos are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.datasets.annotations import VideoFiles
from indexer.datasets.clips import CaptionedClip, DatasetError


@dataclass(frozen=True)
class Release:
    """A folder with the annotation files of a dataset, and its videos."""

    folder: Path
    videos: VideoFiles

    def file(self, *names: str) -> Path:
        """The first of some names that there is. Raises DatasetError when there is none."""
        for name in names:
            if (self.folder / name).is_file():
                return self.folder / name
        raise DatasetError(f"there is no {' or '.join(names)} in {str(self.folder)!r}")

    def clip(
        self,
        video_id: str,
        caption: str,
        split: str,
        *,
        end_s: float | None = None,
        others: Sequence[str] = (),
        beside: Collection[str] = (),
    ) -> CaptionedClip:
        """One caption of a video, whose file is found by its id or ``others``; see `VideoFiles`."""
        path = self.videos.find(video_id, *others, beside=beside)
        return CaptionedClip(video_id, path, tidy(caption), end_s=end_s, split=split)


def tidy(caption: str) -> str:
    """The caption on one line, with single spaces."""
    return " ".join(caption.split())
