"""The command `kinodex sketch`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.files import typed_path
from models.threads import wait_without_spinning
from ui.cli.options import DeviceOption, JsonOption, LibraryOption, PretrainedOption, WeightsOption

_MOST_STROKES = 64


class PresetName(StrEnum):
    """The two ways of drawing."""

    QUICK = "quick"
    PAPER = "paper"


class MaskMethod(StrEnum):
    """How a subject is told from its background."""

    AUTO = "auto"
    NONE = "none"
    REMBG = "rembg"


def _stroke_count(text: str | None) -> str | None:
    if text is None or text == "auto":
        return text
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= _MOST_STROKES:
        raise typer.BadParameter(f"a number from 1 to {_MOST_STROKES}, or auto")
    return text


def sketch(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Nothing: every segment of the library. A number that 'search --json' prints, "
            "or video.mp4@1:02: that segment. Anything else: a picture file (write ./12 for one "
            "whose name is a number).",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    strokes: Annotated[
        str | None,
        typer.Option(
            callback=_stroke_count,
            metavar="N|auto",
            help="How many strokes, 1 to 64: 4 is very abstract, 8 abstract, 16 usual, 32 "
            "detailed; auto: as many as the picture needs. Default: what library.toml says, "
            "else 16.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        PresetName | None,
        typer.Option(
            help="quick: seconds. paper: the published parameters, hours without a GPU. "
            "Default: what library.toml says, else quick.",
            show_default=False,
        ),
    ] = None,
    mask: Annotated[
        MaskMethod | None,
        typer.Option(
            help="How the subject is found, which is cut out and enlarged. auto: by what moves, "
            "by a plain background, by colours where the model looks. none: the whole picture is "
            "drawn. rembg: by U²-Net, where the extra 'masks' is installed. "
            "Default: what library.toml says, else auto.",
            show_default=False,
        ),
    ] = None,
    scene: Annotated[
        bool | None,
        typer.Option(
            "--scene/--no-scene",
            help="Sketch the background too, as a group of strokes of its own.",
            show_default=False,
        ),
    ] = None,
    progressive: Annotated[
        bool | None,
        typer.Option(
            "--progressive/--at-once",
            help="Add stroke after stroke, each where most is missing.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**31 - 1, help="Another seed, another sketch.", show_default=False
        ),
    ] = None,
    redo: Annotated[
        bool,
        typer.Option(
            help="Draw again what has such a sketch already. Each stays until the new one is "
            "stored. (What was drawn with other options or another model is always drawn again.)"
        ),
    ] = False,
    png: Annotated[bool, typer.Option("--png", help="A PNG too, beside the SVG.")] = False,
    video: Annotated[
        bool, typer.Option("--video", help="How the sketch came about, as an MP4.")
    ] = False,
    animated: Annotated[
        bool,
        typer.Option(
            "--animated",
            help="Of a picture: an SVG that draws itself. Of a segment: strokes that follow what "
            "moves, as SVG, WebP and MP4.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the files. Default: the present folder for pictures; sketches of "
            "segments stay in the library, whose paths are printed.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="Write a contact sheet of the whole library into this PNG or JPEG file; further "
            "pages get a number.",
            show_default=False,
        ),
    ] = None,
    keyframes: Annotated[
        bool,
        typer.Option(
            "--keyframes", help="On the contact sheet, the keyframes beside the sketches."
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The model that draws, named as for 'kinodex index'. Default: the "
            "library's own; without a library the bundled one.",
            show_default=False,
        ),
    ] = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw sketches of a few strokes: of the library's segments, or of pictures.

    Without WHAT, every segment is drawn that has no sketch made in this way. Stop or kill it at
    any time and run it again: it goes on where it was. A segment has one sketch; drawing it with
    other options or another model replaces that.

    A picture's sketch is written as NAME.sketch.svg into the present folder, over an older one.
    """
    wait_without_spinning()
    from tasks.sketches.request import Products, SheetRequest, SketchFlags, SketchRequest
    from tasks.sketches.run import run_sketch
    from tasks.terminal.model_flags import ModelFlags

    _check_sheet(what, sheet, keyframes=keyframes)
    _check_products(what, png=png, video=video, animated=animated, out=out)
    flags = SketchFlags(
        int(strokes) if strokes and strokes != "auto" else strokes,
        preset,
        mask,
        scene,
        progressive,
        seed,
    )
    request = SketchRequest(
        flags,
        ModelFlags(model, pretrained, weights, device),
        Products(png=png, video=video, animated=animated, out=out),
        redo=redo,
        sheet=SheetRequest(typed_path(sheet), keyframes) if sheet else None,
        as_json=as_json,
    )
    raise typer.Exit(run_sketch(library, what or [], request))


def _check_sheet(what: list[str] | None, sheet: Path | None, *, keyframes: bool) -> None:
    if keyframes and sheet is None:
        raise typer.BadParameter("--keyframes goes with --sheet: name its file")
    if sheet is None:
        return
    if what:
        raise typer.BadParameter("a contact sheet is of the whole library: leave WHAT out")
    if sheet.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise typer.BadParameter(f"{str(sheet)!r} must end in .png or .jpg", param_hint="--sheet")


def _check_products(what: list[str] | None, **wanted: object) -> None:
    extra = [f"--{name}" for name, value in wanted.items() if value]
    if not what and extra:
        raise typer.BadParameter(f"{' and '.join(extra)} go with a segment or a picture: name one")
