"""The clips that a run learns from: decoded into the cache, and without those that cannot be."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FillReport, FrameCache
from models.errors import KinodexError
from search.catalog.lock import LibraryBusy
from tasks.terminal.bars import fill, say_left_out


class ClipDataset(Protocol):
    """What captioned and labelled clips have in common."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def split(self) -> str:
        """Which part of it this is."""

    @property
    def clips(self) -> Sequence[Any]:
        """In the order of the annotations."""

    def without(self, windows: Iterable[ClipWindow]) -> Self:
        """The same without the clips of these windows."""


Data = TypeVar("Data", bound=ClipDataset)


def fill_cache(
    cache: FrameCache, windows: Sequence[ClipWindow], *, said: Mapping[str, str]
) -> FillReport:
    """Decode what is missing. Where several processes run, one does it while the others wait.

    said: how clips that cannot be decoded are spoken of, see `say_left_out`
    """
    while True:
        try:
            report = fill(cache, windows)
        except KinodexError as error:
            if "LOCAL_RANK" not in os.environ or not isinstance(error.__cause__, LibraryBusy):
                raise
            time.sleep(1)
            continue
        if os.environ.get("RANK", "0") == "0":
            say_left_out(report, **said)
        return report


def decodable(dataset: Data, failed: Iterable[ClipWindow]) -> Data:
    """The clips that are left. Raises KinodexError if there are none."""
    kept = dataset.without(failed)
    if not kept.clips:
        raise KinodexError(
            f"no video of {dataset.name} (split {dataset.split!r}) can be decoded: "
            "see the reasons above"
        )
    return kept
