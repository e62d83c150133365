"""What of a frame is kept before a model sees it, and clips of frames of several views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.datasets.frames.views import CROPS, centre_crop, three_crops, with_margin
from models.clip.backbone import Backbone
from models.clip.preprocess import Preprocessing
from models.heads.card import WHOLE


@dataclass(frozen=True)
class Crop:
    """A cut before the model's own preprocessing, which then changes nothing.

    cut: frames (count, height, width, 3) → pictures (count * rows, height, width, 3)
    short_side: which the decoded frames must have
    about: what tells a cache of such from one of whole frames
    """

    cut: Callable[[np.ndarray, Preprocessing], np.ndarray]
    short_side: int
    rows: int = 1
    about: Mapping[str, str] = field(default_factory=dict)


def crop_of(name: str, preprocessing: Preprocessing) -> Crop:
    """One of `models.heads.card.CROPS`."""
    if name == WHOLE:
        return Crop(lambda frames, _: frames, preprocessing.short_side)
    side = max(with_margin(preprocessing.size))
    return Crop(centre_crop, side, about={"crop": name})


def three_crops_of(preprocessing: Preprocessing) -> Crop:
    """Three crops of each frame, side by side; see `by_view`."""
    return Crop(three_crops, max(with_margin(preprocessing.size)), rows=CROPS)


def view_by_view(
    backbone: Backbone, clips: Sequence[np.ndarray], views: int
) -> Iterator[np.ndarray]:
    """Embeddings of clips in which the frames of several views take turns, in the same order.

    Frames that see their neighbours see those of their own view.
    """
    parts = backbone.clip_arrays([clip[view::views] for clip in clips for view in range(views)])
    for start in range(0, len(parts), views):
        yield np.stack(parts[start : start + views], axis=1).reshape(-1, backbone.dim)
