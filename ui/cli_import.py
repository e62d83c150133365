"""`kinodex import`: weights that others published."""

from pathlib import Path
from typing import Annotated

import typer

import_app = typer.Typer(no_args_is_help=True, help="Take over weights that others published.")


@import_app.callback()
def root() -> None:
    """Take over weights that others published."""


@import_app.command()
def clip4clip(
    file: Annotated[Path, typer.Argument(help="The checkpoint, as CLIP4Clip saves it.")],
    out: Annotated[Path, typer.Option(help="Folder for the backbone's and the head's files.")],
    frames: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames that a video had in training; the file does not tell. Published "
            "recipes: 12; ActivityNet and DiDeMo: 64.",
        ),
    ] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="The report as a JSON line.")] = False,
) -> None:
    """Take a CLIP4Clip checkpoint apart into files that index, fuse and search can use.

    Every key of the file is accounted for; one that lacks a part is refused.
    """
    from ui.importing import import_clip4clip

    import_clip4clip(file, out, frames=frames, as_json=as_json)
