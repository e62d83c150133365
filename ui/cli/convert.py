"""`kinodex convert`: files that others pass on, in forms that are safe to read."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli import options


def captions(
    file: Annotated[
        Path, typer.Argument(help="The pickle, such as raw-captions.pkl.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The JSON file to write. Default: the same name with .json, beside it.",
            show_default=False,
        ),
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Make JSON of a pickle with captions, as MSVD's are passed on.

    Opening a pickle usually runs whatever its author put into it. Here only text, numbers, lists
    and dictionaries are let in; a file that holds anything else is refused, and nothing of it runs.
    """
    from tasks.convert import convert_captions

    convert_captions(file, out, as_json=as_json)
