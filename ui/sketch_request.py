"""What `kinodex sketch` was asked for."""

from dataclasses import dataclass
from pathlib import Path

from models.choice import EncoderIdentity
from search.settings import SketchSettings
from search.sketches import SketchRecipe

# Of the method. Raise it when sketches come out better: those of libraries are then drawn again.
METHOD = 1


@dataclass(frozen=True)
class SketchFlags:
    """The options that decide what a sketch looks like, as typed; None where nothing was said."""

    strokes: int | str | None = None
    preset: str | None = None
    mask: str | None = None
    scene: bool | None = None
    progressive: bool | None = None
    seed: int | None = None

    def over(self, settings: SketchSettings) -> SketchSettings:
        """The settings with what was typed in their place."""
        typed = {name: value for name, value in vars(self).items() if value is not None}
        return SketchSettings(**{**settings.model_dump(), **typed})


@dataclass(frozen=True)
class Products:
    """Which files are wanted besides the SVG, and the folder for them (the present one if None)."""

    png: bool = False
    video: bool = False
    animated: bool = False
    out: Path | None = None


def recipe_of(settings: SketchSettings, encoder: EncoderIdentity) -> SketchRecipe:
    """How a sketch by these settings and this model is made."""
    return SketchRecipe(
        preset=settings.preset,
        strokes=settings.strokes,
        mask=settings.mask,
        scene=settings.scene,
        progressive=settings.progressive,
        seed=settings.seed,
        model=encoder.model,
        frames_digest=encoder.frames_digest,
        version=METHOD,
    )
