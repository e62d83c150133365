"""How well a model in training finds held-out videos and tells their actions."""

from collections.abc import Callable, Iterator

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
from models.training.retrieval import RetrievalModel
from models.training.text_video import TextVideoModel

_FEW = 5
_AT_ONCE = 64
# (start, stop) → frames and mask of these videos, as in a `PairBatch`
FramesOf = Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]


class ActionValidator:
    """Figures over held-out videos; use it as `validate`, and `calibration` in `ActionExport`.

    texts: of every label, in the model's kind (see `ActionTrainer`)
    labels: bool (videos, labels), what holds
    frames_of: (start, stop) → frames and mask of these videos, as in a `LabelledBatch`
    """

    def __init__(self, texts: LabelTexts, labels: torch.Tensor, frames_of: FramesOf) -> None:
        self._texts = texts
        self._labels = labels
        self._frames_of = frames_of

    def __call__(self, model: TextVideoModel) -> dict[str, float]:
        """In percent: top-1, top-5, mean per class where each video has one label.

        Where a video has several labels, or none, mean average precision.
        """
        # Cosines of half precision would tie, and ties count against the model.
        with torch.autocast(model.logit_scale.device.type, enabled=False):
            if (self._labels.sum(dim=1) != 1).any():
                return {"map": mean_average_precision(self.scores(model), self._labels).mean}
            probabilities = class_probabilities(
                self._videos(model),
                unit_texts(self._embedded(model, self._texts.labels)),
                logit_scale=model.logit_scale.item(),
            ).cpu()
        truth = self._labels.byte().argmax(dim=1)
        return {
            "top1": top_k(probabilities, truth, 1),
            "top5": top_k(probabilities, truth, _FEW),
            "mean_per_class": mean_per_class(probabilities, truth).mean,
        }

    def scores(self, model: TextVideoModel) -> torch.Tensor:
        """Of every label for every video, see `tag_scores`; (videos, labels), on the CPU."""
        labels = averaged_embeddings(self._embedded(model, self._texts.labels))
        neutral = unit_texts(self._embedded(model, self._texts.neutral))
        background = Background(neutral, torch.zeros(len(labels), device=labels.device))
        scale = model.logit_scale.item()
        return tag_scores(self._videos(model), labels, background, logit_scale=scale).cpu()

    def calibration(self, model: TextVideoModel) -> Calibration:
        """What the model's scores mean, by these videos."""
        return fit_calibration(self.scores(model), self._labels)

    def _videos(self, model: TextVideoModel) -> torch.Tensor:
        return embed_held_out_videos(model, self._frames_of, videos=len(self._labels))

    def _embedded(self, model: TextVideoModel, texts: torch.Tensor) -> torch.Tensor:
        flat = embed_held_out_texts(model, texts.flatten(0, -2))
        return flat.unflatten(0, texts.shape[:-1])


class PairValidator:
    """Retrieval figures over held-out pairs; use it as `validate`.

    texts: token ids (texts, context), or embeddings (texts, dim)
    video_of_text: (texts,), the video of each text
    frames_of: (start, stop) → frames and mask of these videos, as in a `PairBatch`
    """

    def __init__(
        self,
        texts: torch.Tensor,
        video_of_text: torch.Tensor,
        frames_of: FramesOf,
        *,
        videos: int,
    ) -> None:
        self._texts = texts
        self._video_of_text = video_of_text
        self._frames_of = frames_of
        self._videos = videos

    def __call__(self, model: RetrievalModel) -> dict[str, float]:
        """R@1, R@5, R@10 in percent and the median rank, text to video; R@1 video to text."""
        scores = self._scores(model)
        # Cosines of half precision would tie, and ties count against the model.
        with torch.autocast(model.logit_scale.device.type, enabled=False):
            found = text_to_video(scores, self._video_of_text)
            back = video_to_text(scores, self._video_of_text)
        return {
            "r1": found.r1,
            "r5": found.r5,
            "r10": found.r10,
            "median_rank": found.median_rank,
            "video_to_text_r1": back.r1,
        }

    def _scores(self, model: RetrievalModel) -> Scores:
        texts = embed_held_out_texts(model, self._texts)
        if not isinstance(model.head, TightTransf):
            videos = embed_held_out_videos(model, self._frames_of, videos=self._videos)
            return CosineScores(texts, videos)
        columns = [
            model.head(texts, model.embed_frames(frames, mask), mask)
            for frames, mask in held_out_frames(model, self._frames_of, videos=self._videos)
        ]
        return StoredScores(torch.cat(columns, dim=1).float())


def embed_held_out_texts(model: TextVideoModel, texts: torch.Tensor) -> torch.Tensor:
    """Token ids (texts, context), or ready embeddings → (texts, dim), not normalised."""
    device = model.logit_scale.device
    return torch.cat([model.embed_texts(some.to(device)) for some in texts.split(_AT_ONCE)])


def held_out_frames(
    model: TextVideoModel, frames_of: FramesOf, *, videos: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames and masks of all videos in order, on the model's device."""
    device = model.logit_scale.device
    for start in range(0, videos, _AT_ONCE):
        frames, mask = frames_of(start, min(start + _AT_ONCE, videos))
        yield frames.to(device), mask.to(device)


def embed_held_out_videos(
    model: TextVideoModel, frames_of: FramesOf, *, videos: int
) -> torch.Tensor:
    """What the model's loose head makes of every video: unit embeddings (videos, dim)."""
    parts = held_out_frames(model, frames_of, videos=videos)
    return torch.cat([model.embed_videos(frames, mask) for frames, mask in parts])
