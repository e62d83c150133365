"""Trained action models as files that the other commands load."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace

import torch

from models.choice import EncoderIdentity
from models.head_card import ActionCard, HeadCard
from models.retrieval_export import HeadExport
from models.tagging import Calibration
from models.text_video_training import TextVideoModel


@dataclass(frozen=True)
class ActionExport(HeadExport):
    """Writes a model's head, and its backbone where that has trained; use it as `export`.

    action: labels and visual prompt; its calibration is replaced
    calibrate: what the model's scores mean, asked in evaluation mode; left out, they stand for
        themselves
    """

    _: KW_ONLY
    action: ActionCard
    calibrate: Callable[[TextVideoModel], Calibration] | None = None

    def _card(
        self, model: TextVideoModel, encoder: EncoderIdentity, figures: dict[str, float]
    ) -> HeadCard:
        found = self._calibration(model)
        action = replace(self.action, scale=found.scale, offset=found.offset)
        return replace(super()._card(model, encoder, figures), action=action)

    def _calibration(self, model: TextVideoModel) -> Calibration:
        if self.calibrate is None:
            return Calibration()
        was_training = model.training
        model.eval()
        with torch.inference_mode():
            found = self.calibrate(model)
        model.train(was_training)
        return found
