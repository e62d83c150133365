"""What every reader of a data set of actions gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from indexer.datasets.labelled import LabelledClip


class AnnotatedClips(NamedTuple):
    """The clips of a split, whose labels are positions in ``labels``."""

    labels: tuple[str, ...]
    clips: list[LabelledClip]


def label_positions(labels: Sequence[str]) -> dict[str, int]:
    """Where each label stands in the list."""
    return {label: position for position, label in enumerate(labels)}
