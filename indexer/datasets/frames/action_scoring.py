"""What a model says of labelled clips whose frames are cached: class probabilities and tags."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from indexer.datasets.clips import ClipWindow
from indexer.datasets.frames.cache import FrameCache
from indexer.datasets.frames.labelled_batches import segment_sampling_of
from indexer.datasets.frames.views import CROPS, by_view
from indexer.datasets.labelled import LabelledDataset
from indexer.reading.sampling import SegmentSampling
from models.clip.backbone import Backbone
from models.heads.card import WHOLE
from models.labels.label_texts import LabelTexts
from models.labels.tagging import (
    Background,
    Calibration,
    averaged_embeddings,
    class_probabilities,
    tag_scores,
    unit_texts,
)
from models.metrics.actions import NOTHING_SAID
from models.training.actions import ActionModel

Average = Literal["probabilities", "embeddings"]
_USUAL: tuple[Average, ...] = ("probabilities",)

# How many stored frames are read and fused at once; fewer pixels, which are encoded first.
_FRAMES_AT_ONCE = {True: 8192, False: 256}


@dataclass(frozen=True)
class ClipViews:
    """How often a clip is looked at: samplings in time, and crops of each frame."""

    shifts: int = 1
    crops: int = 1


ONE_VIEW, THIRTY_VIEWS = ClipViews(), ClipViews(10, CROPS)


def view_cache(
    root: Path, backbone: Backbone, *, frames: int, views: ClipViews, crop: str = WHOLE
) -> FrameCache:
    """A cache of the frame embeddings that these views need, of `frames` frames each.

    crop: what of a frame is seen where views are no crops themselves, see `ActionCard`
    """
    sampling = SegmentSampling(frames, views.shifts)
    if views.crops > 1:
        return FrameCache.of_crops(root, backbone, sampling)
    return FrameCache.of_embeddings(root, backbone, sampling, crop=crop)


@dataclass(frozen=True)
class ActionScores:
    """What was said of each clip; rows of `NOTHING_SAID` where it could not be decoded.

    probabilities: for each way of averaging the templates, (clips, labels): which one label it is
    tag_scores: (clips, labels): how well each label fits, see `tagging.tag_scores`
    tag_probabilities: (clips, labels): whether each label holds
    """

    probabilities: dict[Average, torch.Tensor]
    tag_scores: torch.Tensor
    tag_probabilities: torch.Tensor


class ActionScorer:
    """Compares clips with labels in words.

    model: in evaluation mode, on the device to work on; with a backbone where the cache holds
        pixels
    texts: embeddings of every label in every template, and of the neutral sentences
    cache: of `view_cache`, or of pixels; `views` are those that it was made for
    """

    def __init__(
        self,
        model: ActionModel,
        texts: LabelTexts,
        cache: FrameCache,
        *,
        views: ClipViews = ONE_VIEW,
        logit_scale: float,
        calibration: Calibration | None = None,
    ) -> None:
        """`logit_scale` as CLIP stores it. Without a calibration scores stand for themselves."""
        self._model, self._cache, self._views = model, cache, views
        self._device = model.logit_scale.device
        templates = unit_texts(texts.labels).to(self._device)
        self._averaged = averaged_embeddings(templates)
        self._texts: dict[Average, torch.Tensor] = {
            "probabilities": templates,
            "embeddings": self._averaged,
        }
        neutral = unit_texts(texts.neutral).to(self._device)
        floor = torch.zeros(len(self._averaged), device=self._device)
        self._background = Background(neutral, floor)
        self._logit_scale, self._calibration = logit_scale, calibration or Calibration()

    @torch.inference_mode()
    def scores_of(
        self,
        dataset: LabelledDataset,
        *,
        undecoded: Collection[ClipWindow] = (),
        averages: Collection[Average] = _USUAL,
    ) -> ActionScores:
        """What the model says of every clip, in the dataset's order, as means over the views."""
        shape = (len(dataset), len(dataset.labels))
        probabilities = {average: torch.full(shape, NOTHING_SAID) for average in averages}
        scores, tags = torch.full(shape, NOTHING_SAID), torch.full(shape, NOTHING_SAID)
        kept = [row for row, one in enumerate(dataset.windows) if one not in undecoded]
        for rows, videos in self._blocks(dataset, kept):
            for average, into in probabilities.items():
                into[rows] = self._probabilities(videos, average)
            scores[rows] = self._tag_scores(videos)
            scaled = self._calibration.scale * scores[rows] + self._calibration.offset
            tags[rows] = scaled.sigmoid()
        return ActionScores(probabilities, scores, tags)

    def _probabilities(self, videos: torch.Tensor, average: Average) -> torch.Tensor:
        found = class_probabilities(
            videos.flatten(0, 1), self._texts[average], logit_scale=self._logit_scale
        )
        return found.unflatten(0, videos.shape[:2]).mean(dim=1).cpu()

    def _tag_scores(self, videos: torch.Tensor) -> torch.Tensor:
        found = tag_scores(
            videos.flatten(0, 1), self._averaged, self._background, logit_scale=self._logit_scale
        )
        return found.unflatten(0, videos.shape[:2]).mean(dim=1).cpu()

    def _blocks(
        self, dataset: LabelledDataset, kept: list[int]
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Rows of some clips at a time, and their unit embeddings (clips, views, dim)."""
        frames_of_clip = self._cache.sampling.frames * self._views.crops
        step = max(1, _FRAMES_AT_ONCE[self._is_ready] // frames_of_clip)
        for start in range(0, len(kept), step):
            rows = kept[start : start + step]
            yield rows, self._embedded([dataset.windows[row] for row in rows])

    @property
    def _is_ready(self) -> bool:
        """Whether the cache holds embeddings and not pictures."""
        return self._model.backbone is None

    def _embedded(self, windows: list[ClipWindow]) -> torch.Tensor:
        stored, _ = self._cache.batch(windows)
        sampling = segment_sampling_of(self._cache)
        seen = by_view(stored, sampling, crops=self._views.crops)
        frames = seen.flatten(0, 1).to(self._device)
        if frames.is_floating_point():
            frames = frames.float()
        # Segments always give a frame each, so there is no padding.
        mask = torch.ones(frames.shape[:2], dtype=torch.bool, device=self._device)
        # Thirty views of one clip may be more pictures than memory has room to encode at once.
        at_once = max(1, _FRAMES_AT_ONCE[self._is_ready] // frames.shape[1])
        parts = zip(frames.split(at_once), mask.split(at_once), strict=True)
        embeddings = torch.cat([self._model.embed_videos(*part) for part in parts])
        return embeddings.unflatten(0, seen.shape[:2])
