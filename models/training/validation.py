"""How well a model in training finds held-out videos and tells their actions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from models.heads.tight import TightTransf
from models.labels.calibration import fit_calibration
from models.labels.label_texts import LabelTexts
from models.labels.tagging import (
    Background,
    Calibration,
    averaged_embeddings,
    class_probabilities,
    tag_scores,
    unit_texts,
)
from models.metrics.actions import mean_average_precision, mean_per_class, top_k
from models.metrics.retrieval import text_to_video, video_to_text
from models.metrics.scores import CosineScores, Scores, StoredScores
from models.training.text_video import TextVideoModel

_FEW = 5
_AT_ONCE = 64
# (start, stop) → frames and mask of these videos, as in a `VideoBatch`
FramesOf = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]


class PairValidator:
    """Retrieval figures over held-out pairs; use it as `validate`.

    texts: token ids (texts, context), or embeddings (texts, dim)
    video_of_text: (texts,), the video of each text
    """

    def __init__(
        self, texts: torch.Tensor, video_of_text: torch.Tensor, frames_of: FramesOf, *, videos: int
    ) -> None:
        self._texts = texts
        self._video_of_text = video_of_text
        self._videos = _Videos(frames_of, videos)

    def __call__(self, model: TextVideoModel) -> dict[str, float]:
        """R@1, R@5, R@10 in percent and the median rank, text to video; R@1 video to text."""
        scores = self._scores(model)
        with _full_precision(model):
            found = text_to_video(scores, self._video_of_text)
            back = video_to_text(scores, self._video_of_text)
        return {
            "r1": found.r1,
            "r5": found.r5,
            "r10": found.r10,
            "median_rank": found.median_rank,
            "video_to_text_r1": back.r1,
        }

    def _scores(self, model: TextVideoModel) -> Scores:
        texts = _embed_texts(model, self._texts)
        if not isinstance(model.head, TightTransf):
            return CosineScores(texts, self._videos.embedded(model))
        columns = [
            model.head(texts, model.embed_frames(frames, mask), mask)
            for frames, mask in self._videos.batches(model)
        ]
        return StoredScores(torch.cat(columns, dim=1).float())


class ActionValidator:
    """Figures over held-out videos; use it as `validate`, and `calibration` in `ActionExport`.

    texts: those of every label, in the model's kind (see `ActionTask`)
    labels: bool (videos, labels), what holds
    """

    def __init__(self, texts: LabelTexts, labels: torch.Tensor, frames_of: FramesOf) -> None:
        self._texts = texts
        self._labels = labels
        self._videos = _Videos(frames_of, len(labels))

    def __call__(self, model: TextVideoModel) -> dict[str, float]:
        """In percent: top-1, top-5, mean per class where each video has one label.

        Where a video has several labels, or none, mean average precision.
        """
        with _full_precision(model):
            if (self._labels.sum(dim=1) != 1).any():
                return {"map": mean_average_precision(self.scores(model), self._labels).mean}
            probabilities = class_probabilities(
                self._videos.embedded(model),
                unit_texts(_embed_texts(model, self._texts.labels)),
                logit_scale=model.logit_scale.item(),
            ).cpu()
        truth = self._labels.byte().argmax(dim=1)
        return {
            "top1": top_k(probabilities, truth, 1),
            "top5": top_k(probabilities, truth, _FEW),
            "mean_per_class": mean_per_class(probabilities, truth).mean,
        }

    def scores(self, model: TextVideoModel) -> torch.Tensor:
        """The score of every label for every video, see `tag_scores`; (videos, labels), CPU."""
        labels = averaged_embeddings(_embed_texts(model, self._texts.labels))
        neutral = unit_texts(_embed_texts(model, self._texts.neutral))
        background = Background(neutral, torch.zeros(len(labels), device=labels.device))
        scale = model.logit_scale.item()
        videos = self._videos.embedded(model)
        return tag_scores(videos, labels, background, logit_scale=scale).cpu()

    def calibration(self, model: TextVideoModel) -> Calibration:
        """What the model's scores mean, by these videos."""
        return fit_calibration(self.scores(model), self._labels)


@dataclass(frozen=True)
class _Videos:
    """Held-out videos, a few of which are in memory at a time."""

    frames_of: FramesOf
    count: int

    def batches(self, model: TextVideoModel) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Frames and masks of all videos in order, on the model's device."""
        device = model.logit_scale.device
        for start in range(0, self.count, _AT_ONCE):
            frames, mask = self.frames_of(start, min(start + _AT_ONCE, self.count))
            yield frames.to(device), mask.to(device)

    def embedded(self, model: TextVideoModel) -> torch.Tensor:
        """What the model's loose head makes of every video: unit embeddings (videos, dim)."""
        return torch.cat([model.embed_videos(*batch) for batch in self.batches(model)])


def _embed_texts(model: TextVideoModel, texts: torch.Tensor) -> torch.Tensor:
    """Token ids (..., context), or ready embeddings → (..., dim), not normalised."""
    device = model.logit_scale.device
    parts = texts.flatten(0, -2).split(_AT_ONCE)
    embedded = torch.cat([model.embed_texts(some.to(device)) for some in parts])
    return embedded.unflatten(0, texts.shape[:-1])


def _full_precision(model: TextVideoModel) -> torch.autocast:
    """Cosines of half precision would tie, and ties count against the model."""
    return torch.autocast(model.logit_scale.device.type, enabled=False)
