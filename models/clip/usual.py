"""The model for those who name none: the good one where it is quick enough, else the fast one."""

from collections.abc import Callable
from dataclasses import dataclass

from models.clip.engines import speed
from models.clip.engines.choice import EngineChoice
from models.identity import ModelChoice
from models.named import FAST, GOOD, meant_by

# How many hours of video should be encoded in an hour: a weekend for what a year of evenings shot.
_ENOUGH = 5.0
_FRAMES_A_SECOND = 2.0  # of video, as libraries are sampled


@dataclass(frozen=True)
class Usual:
    """name: of `models.named.NAMES`; frames_per_s: what this machine encodes with the good one"""

    name: str
    choice: ModelChoice
    frames_per_s: float

    @property
    def hours_an_hour(self) -> float:
        """Hours of video that the good one encodes in an hour."""
        return hours_an_hour(self.frames_per_s)


def usual_choice(device: str, asked: EngineChoice, talk: Callable[[str], None]) -> Usual:
    """The model that suits this machine. Measures once how fast it is, which is said."""
    good = meant_by(GOOD, device)
    frames_per_s = speed.remembered(good.name, asked, device)
    if frames_per_s is None:
        talk("measuring how fast this machine encodes pictures")
        frames_per_s = speed.measured(good.name, asked, device)
    name = GOOD if hours_an_hour(frames_per_s) >= _ENOUGH else FAST
    return Usual(name, meant_by(name, device), frames_per_s)


def hours_an_hour(frames_per_s: float) -> float:
    """Hours of video that are encoded in an hour; to decode them is not in it."""
    hours = frames_per_s / _FRAMES_A_SECOND
    return round(hours, 1 if hours < 10 else None)
