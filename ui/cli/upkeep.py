"""The commands `kinodex verify`, `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.options import JsonOption, LibraryOption


def verify(
    library: LibraryOption = None,
    content: Annotated[
        bool,
        typer.Option("--content", help="Read every video too, and compare it with its digest."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Mend what can be: caches are built again, what is unusable is indexed again. "
            "Nothing that people said is touched, and the catalog as it was is kept.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a library: catalog, vectors, pictures. Exit code 1 when something stays wrong."""
    from tasks.upkeep import run_verify

    raise typer.Exit(run_verify(library, content=content, mend=repair, as_json=as_json))


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; an older backup is replaced.")],
    library: LibraryOption = None,
    media: Annotated[
        bool,
        typer.Option(
            "--media",
            help="Keyframes and pictures of sketches too, which are otherwise made again when "
            "they are looked at.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a library into one file, whoever works on it meanwhile."""
    from tasks.upkeep import run_backup

    run_backup(library, file, media=media, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'kinodex backup' has written.")],
    library: LibraryOption = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Where a library is already: move its parts into a folder in it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a library from a backup, checked as a whole before it takes its place."""
    from tasks.upkeep import run_restore

    run_restore(library, file, replace=replace, as_json=as_json)
