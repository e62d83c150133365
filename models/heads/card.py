"""What a trained head is and where it comes from, as values that are stored beside its weights."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from models.heads.config import HeadConfig
from models.identity import EncoderIdentity

VISUALS = ("plain", "shift", "joint")
UNIFORM, *_ = CHOICES = ("uniform", "head", "tail")
WHOLE, CENTRE = CROPS = ("whole", "centre")

_LARGEST_LOGIT_SCALE = 80  # from 89 on its power of e is infinite in 32 bits
_MOST = 1 << 16  # frames of a segment are numbered in 16 bits


@dataclass(frozen=True)
class ActionCard:
    """What a head for actions was trained on, and how its scores become probabilities.

    labels: the label list that it was trained on, in order; empty where it is not known
    scale, offset: the calibration, see `tagging.Calibration`
    visual: how the picture tower sees time: "plain" (not at all), "shift" or "joint"
    fold, placement: how Shift shifts, see `temporal_shift.use_temporal_shift`
    frames: how many rows the table of Joint has, see `joint_tokens.use_joint_space_time`
    crop: what of a frame it was shown: "whole", as the model sees any picture, or the "centre" of
        one that is an eighth larger

    Raises ValueError for what cannot be.
    """

    labels: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0
    visual: str = "plain"
    fold: int = 8
    placement: str = "branch"
    frames: int = 8
    crop: str = WHOLE

    def __post_init__(self) -> None:
        if self.visual not in VISUALS:
            raise ValueError(f"visual must be one of {', '.join(VISUALS)}, not {self.visual!r}")
        if self.crop not in CROPS:
            raise ValueError(f"crop must be one of {', '.join(CROPS)}, not {self.crop!r}")
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)):
            raise ValueError(f"no calibration: scale {self.scale}, offset {self.offset}")
        if not all(isinstance(label, str) for label in self.labels):
            raise ValueError("labels must be texts")
        _check_whole("fold", self.fold)
        _check_whole("frames", self.frames)


@dataclass(frozen=True)
class HeadCard:
    """What a trained head is, and where it comes from.

    encoder: the backbone that it was trained with
    pretrained: that backbone's tag, if it had one
    dataset: what it was trained on, in words
    figures: what was measured, by name
    logit_scale: as CLIP stores it, the natural logarithm of the factor on the cosines
    frames: how many frames a video had in training, at most
    choose: where they stand where a video has more: "uniform", "head" or "tail"
    frames_seen: how many the longest video of training had, where that was fewer
    frame_rate: of how many a second they were chosen; 0 for all, which spreads them over any video
    action: what a head for actions knows beside that

    Raises ValueError or TypeError for what cannot be.
    """

    config: HeadConfig
    encoder: EncoderIdentity
    pretrained: str | None
    dataset: str
    figures: dict[str, Any]
    logit_scale: float
    frames: int
    frame_rate: float = 1.0
    action: ActionCard | None = None
    frames_seen: int | None = None
    choose: str = UNIFORM

    def __post_init__(self) -> None:
        if not abs(self.logit_scale) <= _LARGEST_LOGIT_SCALE:
            raise ValueError(f"no scale of scores: {self.logit_scale!r}")
        if not 0 <= self.frame_rate < math.inf:
            raise ValueError(f"no frame rate: {self.frame_rate!r}")
        _check_whole("frames", self.frames)
        if self.choose not in CHOICES:
            raise ValueError(f"choose must be one of {', '.join(CHOICES)}, not {self.choose!r}")
        if self.frames_seen is not None:
            _check_whole("frames_seen", self.frames_seen)

    @property
    def frames_learnt(self) -> int:
        """How many places in a video its training has taught it."""
        return min(self.frames, self.frames_seen or self.frames)

    def to_json(self) -> str:
        """What `from_json` makes the same card of."""
        values = asdict(self) | {"config": self.config.to_dict()}
        usual = {"action": None, "frames_seen": None, "choose": UNIFORM}
        for name, value in usual.items():  # as cards were before there were these
            if values[name] == value:
                del values[name]
        if self.action is not None and self.action.crop == WHOLE:
            del values["action"]["crop"]
        return json.dumps(values, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "HeadCard":
        """Raises ValueError, TypeError, KeyError or KinodexError for what is no card."""
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError("lists in lists without end") from error
        config = HeadConfig.from_dict(values.pop("config"))
        encoder = EncoderIdentity(**values.pop("encoder"))
        action = values.pop("action", None)
        if action is not None:
            if not isinstance(action["labels"], list):
                raise ValueError("labels must be a list")
            action = ActionCard(**action | {"labels": tuple(action["labels"])})
        return cls(config=config, encoder=encoder, action=action, **values)


def _check_whole(name: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= _MOST:
        raise ValueError(f"{name} must be a whole number from 1 to {_MOST}, not {value!r}")
