"""How well a model in training tells the actions of held-out videos, and what its scores mean."""

import torch

from models.action_metrics import mean_average_precision, mean_per_class, top_k
from models.calibration import fit_calibration
from models.held_out import FramesOf, embed_held_out_texts, embed_held_out_videos
from models.label_texts import LabelTexts
from models.tagging import (
    Background,
    Calibration,
    averaged_embeddings,
    class_probabilities,
    tag_scores,
    unit_texts,
)
from models.text_video_training import TextVideoModel

_FEW = 5


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
