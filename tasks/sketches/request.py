"""What `kinodex sketch` was asked for."""

from dataclasses import dataclass
from pathlib import Path

from models.files import typed_path
from search.catalog.segment_reference import is_reference
from search.catalog.settings import SketchSettings
from tasks.terminal.model_flags import ModelFlags


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


@dataclass(frozen=True)
class SheetRequest:
    """A contact sheet: its file, and whether keyframes are shown beside the sketches."""

    file: Path
    with_keyframes: bool


@dataclass(frozen=True)
class SketchRequest:
    """All that was typed but for what is to be sketched."""

    flags: SketchFlags
    model: ModelFlags
    products: Products
    redo: bool
    sheet: SheetRequest | None
    as_json: bool


def meant_by(word: str) -> str | Path:
    """The name of a moment as it was typed, or the file of a picture.

    A number or VIDEO@TIME is a moment, unless a file has just that name with an "@". All else is a
    picture; one that has a number for its name is written ./12.
    """
    path = typed_path(word)
    if is_reference(word) and not ("@" in word and path.is_file()):
        return word
    return path
