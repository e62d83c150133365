"""The options that choose a model, and loading it with word of what takes its time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.clip.engines.choice import EngineChoice, kind_of_device
from models.identity import EncoderIdentity, ModelChoice
from models.named import FAST, GOOD, NAMES, meant_by
from search.catalog.spaces import active_space
from search.catalog.store import Store, nothing_indexed
from search.catalog.tables import Space
from tasks.terminal.printing import talk

# What loads torch is imported where a model is really wanted: a mistake is answered at once.
if TYPE_CHECKING:
    from models.clip.backbone import Backbone
    from models.clip.engines.int8 import Int8Tower


@dataclass(frozen=True)
class ModelFlags:
    """The options that choose a model, as typed. Making one loads no torch; a choice does."""

    model: str | None = None
    pretrained: str | None = None
    weights: Path | None = None
    device: str | None = None
    engine: str | None = None
    precision: str | None = None

    @property
    def engine_choice(self) -> EngineChoice:
        """The engine that was asked for, else what the environment says. Raises KinodexError."""
        usual = EngineChoice.from_environment()
        return EngineChoice(self.engine or usual.name, self.precision or usual.precision)

    @property
    def name_a_model(self) -> bool:
        """Whether a model was asked for."""
        return bool(self.model or self.pretrained or self.weights)

    def choice(self, current: ModelChoice | None) -> ModelChoice | None:
        """What was asked for, filled up from the library's current model; None for nothing.

        Raises KinodexError for a model that is unknown.
        """
        if not self.name_a_model:
            return None
        from models.clip.sources import choose_model

        bare = not (self.pretrained or self.weights)
        if current and bare and self._architecture == current.name:
            return current  # the bare name of the library's own model means exactly that model
        name = self.model or (current.name if current else FAST)
        return choose_model(
            name,
            pretrained=self.pretrained,
            weights=self.weights,
            device=kind_of_device(self.device),
        )

    @property
    def _architecture(self) -> str | None:
        """What the model that was named is called in open_clip."""
        if self.model in NAMES:
            return meant_by(self.model, kind_of_device(self.device)).name
        return self.model

    def over(self, current: ModelChoice) -> ModelChoice:
        """What was asked for, else the library's current model."""
        return self.choice(current) or current

    def text_tower_over(self, current: ModelChoice) -> ModelChoice | None:
        """What was asked for beside the library's frames, which stay; None for nothing.

        A model's bare name means its own weights here: the way back from another text tower.
        """
        return self.choice(None if self.model else current)

    def or_usual(self, talk: Callable[[str], None] = talk) -> ModelChoice:
        """What was asked for, else the model that suits this machine, which is said."""
        return self.choice(None) or _usual(self, talk)


def load_talking(
    choice: ModelChoice,
    flags: ModelFlags,
    *,
    stored: EncoderIdentity | None = None,
    tower: "Int8Tower | None" = None,
    talk: Callable[[str], None] = talk,
) -> "Backbone":
    """The model, with word of what happens while it takes its time.

    flags: of which the device and the engine count; stored, tower: as of `load_backbone`
    """
    from models.clip.backbone import load_backbone

    return load_backbone(
        choice,
        device=flags.device,
        engine=flags.engine_choice,
        stored=stored,
        tower=tower,
        talk=talk,
    )


def space_of(library: Store) -> Space | None:
    """The space that searches use, or None in a library that was never indexed."""
    with library.reading() as session:
        return active_space(session)


def indexed_space(library: Store) -> Space:
    """The space that searches use. Raises EmptyLibrary where nothing was ever indexed."""
    space = space_of(library)
    if space is None:
        raise nothing_indexed(library)
    return space


def _usual(flags: ModelFlags, talk: Callable[[str], None]) -> ModelChoice:
    from models.clip.usual import usual_choice

    kind = kind_of_device(flags.device)
    usual = usual_choice(kind, flags.engine_choice, talk)
    good = meant_by(GOOD, kind)
    does = "encodes" if usual.name == GOOD else f"would encode with '{GOOD}', {good},"
    talk(
        f"no model named: using '{usual.name}', {usual.choice}, as this machine {does} "
        f"{usual.frames_per_s:.2g} frames a second, {usual.hours_an_hour:g} hours of video an "
        "hour"
    )
    return usual.choice
