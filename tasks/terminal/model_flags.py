"""The options that choose a model, and loading it with word of what takes its time."""

from dataclasses import dataclass
from pathlib import Path

from models.choice import ModelChoice
from models.clip.backbone import Backbone, find_device, load_backbone
from models.clip.sources import choose_model, default_choice
from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.catalog.tables import Space
from tasks.terminal.printing import talk


@dataclass(frozen=True)
class ModelFlags:
    """The options that choose a model, as typed."""

    model: str | None = None
    pretrained: str | None = None
    weights: Path | None = None
    device: str | None = None

    def choice(self, current: ModelChoice | None) -> ModelChoice | None:
        """What was asked for, filled up from the library's current model; None for nothing."""
        if not (self.model or self.pretrained or self.weights):
            return None
        name = self.model or (current.name if current else default_choice(find_device()).name)
        bare = not (self.pretrained or self.weights)
        if current and bare and self.model == current.name:
            return current  # the bare name of the library's own model means exactly that model
        return choose_model(name, pretrained=self.pretrained, weights=self.weights)


def load_talking(choice: ModelChoice, device: str | None) -> Backbone:
    """The model, with word of what happens while it takes its time."""
    return load_backbone(choice, device=device, talk=talk)


def space_of(library: Store) -> Space | None:
    """The space that searches use, or None in a library that was never indexed."""
    with library.reading() as session:
        return active_space(session)
