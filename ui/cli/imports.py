"""`kinodex import`: weights that others published."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli import options

Out = Annotated[Path, typer.Option(help="Folder for the backbone's and the head's files.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as a JSON line.")]


def clip4clip(
    file: Annotated[Path, typer.Argument(help="The checkpoint, as CLIP4Clip saves it.")],
    out: Out,
    frames: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames that a video had in training; the file does not tell. Published "
            "recipes: 12; ActivityNet and DiDeMo: 64.",
        ),
    ] = 12,
    as_json: AsJson = False,
) -> None:
    """Take a CLIP4Clip checkpoint apart into files that index, fuse and search can use.

    Every key of the file is accounted for; one that lacks a part is refused.
    """
    from tasks.imports import import_clip4clip

    import_clip4clip(file, out, frames=frames, as_json=as_json)


def actionclip(
    file: Annotated[Path, typer.Argument(help="The checkpoint, as ActionCLIP saves it.")],
    out: Out,
    frames: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames that a video had in training; only with Transf_cls does the file tell. "
            "Published models: 8, 16 or 32.",
        ),
    ] = 8,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="The labels it was trained on, such as kinetics-400, a text file with one a line, "
            "or a label file of ActionCLIP (id,name). Other lists are then refused in evaluation.",
        ),
    ] = None,
    crop: Annotated[
        options.Crop,
        typer.Option(help="What of each frame it was shown; published models: the centre."),
    ] = options.Crop.CENTRE,
    as_json: AsJson = False,
) -> None:
    """Take an ActionCLIP checkpoint apart into files that index, tag and evaluate can use.

    Every key of the file is accounted for; one that lacks a part is refused, and one with a
    Conv1D head or Joint, which the published program computes wrongly or not at all.
    """
    from tasks.imports import import_actionclip

    import_actionclip(file, out, frames=frames, labels=labels, crop=crop.value, as_json=as_json)
