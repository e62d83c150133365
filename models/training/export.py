"""Trained models as files that the other commands load."""

import copy
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import torch

from models.clip.backbone import card_of
from models.clip.sources import LoadedModel
from models.heads.card import UNIFORM, ActionCard, HeadCard
from models.heads.checkpoints import HEAD_FILE, save_backbone, save_head
from models.heads.fit import BACKBONE_FILE
from models.identity import EncoderIdentity, ModelChoice
from models.labels.tagging import Calibration
from models.towers.visual_prompts import remove_visual_prompt, visual_prompt_state
from models.training.text_video import TextVideoModel


@dataclass(frozen=True)
class HeadExport:
    """Writes a model's head, and its backbone where that has trained; use it as `export`.

    choice, encoder: the backbone as it was before training
    dataset: what is trained on, in words
    frames, frame_rate: how many frames a video has at most, and how many a second they
        are chosen from
    backbone_trains: whether the run changes the backbone
    frames_seen: how many frames the longest video has
    choose: see `HeadCard`
    """

    choice: ModelChoice
    encoder: EncoderIdentity
    dataset: str
    frames: int
    frame_rate: float
    backbone_trains: bool
    tokenize: Callable[[list[str]], torch.Tensor]
    frames_seen: int | None = None
    choose: str = UNIFORM

    def __call__(self, model: TextVideoModel, folder: Path, figures: dict[str, float]) -> None:
        """Replace the files in `folder`. A head never stands beside weights it does not fit."""
        encoder = self._save_backbone(model, folder) if self.backbone_trains else self.encoder
        save_head(
            folder / HEAD_FILE,
            model.head,
            self._card(model, encoder, figures),
            visual_state=visual_prompt_state(getattr(model.backbone, "visual", None)),
        )

    def _card(
        self, model: TextVideoModel, encoder: EncoderIdentity, figures: dict[str, float]
    ) -> HeadCard:
        return HeadCard(
            config=model.head.config,
            encoder=encoder,
            pretrained=None if self.backbone_trains else self.choice.pretrained,
            dataset=self.dataset,
            figures=figures,
            logit_scale=model.logit_scale.item(),
            frames=self.frames,
            frame_rate=self.frame_rate,
            choose=self.choose,
            frames_seen=self.frames_seen if self.frames_seen != self.frames else None,
        )

    def _save_backbone(self, model: TextVideoModel, folder: Path) -> EncoderIdentity:
        trained = copy.deepcopy(model.backbone).cpu().eval()  # type: ignore[union-attr]
        remove_visual_prompt(getattr(trained, "visual", None))
        with torch.no_grad():
            for name in ("logit_scale", "logit_bias"):
                if (own := getattr(trained, name, None)) is not None:
                    own.fill_(getattr(model, name).item())
        save_backbone(folder / BACKBONE_FILE, trained.state_dict())
        loaded = LoadedModel(trained, self.tokenize)
        return card_of(self.choice, loaded).identity


@dataclass(frozen=True)
class ActionExport(HeadExport):
    """The same for a head for actions, with its labels and its calibration in the card.

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
