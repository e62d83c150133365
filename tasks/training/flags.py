"""The options of `kinodex train`, as typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.choice import ModelChoice
from models.clip.backbone import find_device
from models.clip.sources import choose_model, default_choice
from models.heads.card import HeadCard
from models.heads.checkpoints import HEAD_FILE, read_card
from models.heads.fit import BACKBONE_FILE
from models.training.loop import TrainingSettings


def training_settings(typed: Mapping[str, Any]) -> TrainingSettings:
    """The settings of a run, from the options that all trainings have, by their names.

    Where epochs were typed instead of steps, the number of steps is not known before the data is.
    """
    return TrainingSettings(
        steps=typed["steps"] or 1,
        head_learning_rate=typed["head_rate"],
        backbone_learning_rate=typed["backbone_rate"],
        warmup_share=typed["warmup"],
        weight_decay=typed["weight_decay"],
        gradient_clip=typed["gradient_clip"],
        precision=typed["precision"].value,
        seed=typed["seed"],
        tune=typed["tune"].value,
        freeze_below=typed["freeze_below"],
        chunk=typed["chunk"],
        validate_every=typed["validate_every"] or 0,
        save_every=typed["save_every"],
    )


@dataclass(frozen=True)
class BackboneFlags:
    """The options that choose a model and where to start from, as typed."""

    model: str | None
    pretrained: str | None
    weights: Path | None
    device: str | None
    init: Path | None

    def head_file(self) -> Path | None:
        """The head to start from."""
        if self.init is None:
            return None
        init = self.init.expanduser()
        return init / HEAD_FILE if init.is_dir() else init

    def choice(self) -> ModelChoice:
        """The backbone: the one asked for, else the one that the first head was trained with.

        Raises KinodexError for one that is unknown.
        """
        file = self.head_file()
        if file is None:
            name = self.model or default_choice(find_device(self.device)).name
            return choose_model(name, pretrained=self.pretrained, weights=self.weights)
        card = read_card(file)
        name = self.model or card.encoder.model
        if name != card.encoder.model or self.weights or self.pretrained:
            return choose_model(name, pretrained=self.pretrained, weights=self.weights)
        beside = file.with_name(BACKBONE_FILE)
        if beside.is_file():
            return choose_model(name, weights=beside)
        return choose_model(name, pretrained=card.pretrained)

    def first_card(self) -> HeadCard | None:
        """What the head to start from is."""
        file = self.head_file()
        return read_card(file) if file else None

    def usual_head(self) -> str:
        """The head to train when none was named."""
        card = self.first_card()
        return card.config.name if card else "seqTransf"


@dataclass(frozen=True)
class HeadFlags:
    """The options of the head, as typed."""

    name: str
    blocks: int
    gated: bool
    standardised: bool


@dataclass(frozen=True)
class DataFlags:
    """The options of the data, as typed."""

    spec: str
    videos: Path | None
    cache: Path | None
    frames: int
    frame_rate: float
    batch_size: int
    captions: Literal["expanded", "one_caption"]
    unique_videos: bool
    validation_videos: int


@dataclass(frozen=True)
class ActionFlags:
    """The options of data and recipe of `kinodex train actions`, as typed.

    shifts: frames that are kept of each segment, of which each step takes one
    flip: None where the labels decide
    """

    spec: str | None
    library: Path | None
    videos: Path | None
    cache: Path | None
    frames: int
    shifts: int
    batch_size: int
    shots: int | None
    validation_videos: int
    augment: bool
    flip: bool | None
    templates: Path | None
    target_temperature: float
    tag_weight: float | None
    visual: str
