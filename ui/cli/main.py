"""The command line. Each command imports what it needs, so that --help answers at once."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from models.errors import KinodexError
from models.threads import start_without_spinning, wait_without_spinning
from search.queries.query import QueryMistake
from tasks.terminal.output import whole_output, write_any_name
from ui.cli import (
    convert,
    evaluate_actions,
    evaluate_retrieval,
    evaluate_sketch,
    imports,
    models,
    options,
    train_actions,
    train_retrieval,
)
from ui.cli.distil import distil
from ui.cli.export import export
from ui.cli.search import search
from ui.cli.sketch import sketch
from ui.cli.tags import tag, tags
from ui.cli.upkeep import backup, restore, verify

HELP = """Search video libraries by what happens in them.

First 'kinodex index ~/Videos', then 'kinodex search "a dog runs on the beach"' or 'kinodex ui'.
"""
EPILOG = """Exit codes: 0 done, 1 error, 2 wrong usage, 3 finished but some files failed,
130 interrupted."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _group(name: str, told: str, *commands: Callable[..., None]) -> typer.Typer:
    """Commands that stand behind a word of their own."""
    group = typer.Typer(no_args_is_help=True, help=told)
    for command in commands:
        group.command()(command)
    app.add_typer(group, name=name)
    return group


train_app = _group(
    "train", "Train on videos of your own.", train_retrieval.retrieval, train_actions.actions
)
_group(
    "evaluate",
    "Measure how good a model is.",
    evaluate_retrieval.retrieval,
    evaluate_actions.actions,
    evaluate_sketch.sketch,
)
app.add_typer(models.app, name="models")
_group("import", "Take over weights that others published.", imports.clip4clip, imports.actionclip)
_group("convert", "Make files that others pass on safe to read.", convert.captions)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"kinodex {version('kinodex')}")  # noqa: T201
        raise typer.Exit


@app.callback(help=HELP, epilog=EPILOG)
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command()
def index(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Video files and folders.", show_default=False)
    ] = None,
    library: options.LibraryOption = None,
    model: options.ModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    head: options.HeadOption = None,
    device: options.DeviceOption = None,
    engine: options.EngineOption = None,
    precision: options.PrecisionOption = None,
    reindex: Annotated[
        bool,
        typer.Option(
            help="Encode every video again, with another model or other settings; without "
            "PATH, all that the library knows."
        ),
    ] = False,
    sketch: Annotated[
        bool | None,
        typer.Option(
            "--sketch/--no-sketch",
            help="Afterwards, draw a sketch of each segment that has none. Default: what "
            "library.toml says, else not.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Go on with the files that come into the folders, each as soon as it is whole, "
            "until you stop it.",
        ),
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Make videos searchable. Only what is new or changed is encoded."""
    if sketch:
        wait_without_spinning()
    from tasks.index import run_index
    from tasks.terminal.model_flags import ModelFlags

    if watch and (reindex or not paths):
        raise typer.BadParameter("name the folders to watch, without --reindex", param_hint="PATH")
    if not paths and not reindex:
        raise typer.BadParameter("name at least one file or folder", param_hint="PATH")
    flags = ModelFlags(model, pretrained, weights, device, engine, precision)
    raise typer.Exit(
        run_index(
            library,
            paths or [],
            flags,
            head=head,
            reindex=reindex,
            sketch=sketch,
            watch=watch,
            as_json=as_json,
        )
    )


@app.command()
def fuse(
    head: Annotated[
        str,
        typer.Option(
            help="meanP, the file of a trained head, or the name of the head that comes with the "
            "library's model.",
            show_default=False,
        ),
    ],
    library: options.LibraryOption = None,
    model: options.SameModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.OtherTextTowerOption = None,
    device: options.DeviceOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Use another head in the whole library. No video is read: stored frames are fused again."""
    from tasks.fuse import run_fuse
    from tasks.terminal.model_flags import ModelFlags

    flags = ModelFlags(model, pretrained, weights, device)
    raise typer.Exit(run_fuse(library, head, flags, as_json=as_json))


app.command()(search)
app.command()(export)
app.command()(tag)
app.command()(tags)
app.command()(sketch)
app.command()(distil)
app.command()(verify)
app.command()(backup)
app.command()(restore)


@app.command()
def status(library: options.LibraryOption = None, as_json: options.JsonOption = False) -> None:
    """What is in the library: videos, segments, failures, model, space used."""
    from tasks.status import print_status

    print_status(library, as_json=as_json)


@app.command()
def failed(
    library: options.LibraryOption = None,
    retry: Annotated[bool, typer.Option(help="Try the failed files once more.")] = False,
    device: options.DeviceOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the files that could not be indexed, and why."""
    if retry:
        from tasks.index import retry_failed

        raise typer.Exit(retry_failed(library, device, as_json=as_json))
    from tasks.status import print_failed

    print_failed(library, as_json=as_json)


@app.command()
def remove(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders to forget.")],
    library: options.LibraryOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Take files out of the library. The files themselves are not touched."""
    from tasks.status import remove_paths

    remove_paths(library, paths, as_json=as_json)


@app.command()
def clean(
    library: options.LibraryOption = None,
    at_once: Annotated[
        bool, typer.Option("--now", help="Do not wait until the time is over (keep_days).")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Delete what was encoded of videos that no file holds any more."""
    from tasks.clean import clean as delete

    delete(library, at_once=at_once, dry_run=dry_run, as_json=as_json)


@app.command()
def where(library: options.LibraryOption = None, as_json: options.JsonOption = False) -> None:
    """Where the library and its parts lie."""
    from tasks.status import print_places

    print_places(library, as_json=as_json)


@app.command()
def ui(
    library: options.LibraryOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen on; anything but loopback opens it to others.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    token: Annotated[
        bool,
        typer.Option(
            "--token/--no-token",
            help="Let in only who has the token that the printed address holds. Without it, every "
            "user of this machine, and whoever else reaches the address, can use the page.",
        ),
    ] = True,
) -> None:
    """Open the search page in a browser."""
    from ui.web.serve import serve

    raise typer.Exit(serve(library, port=port, address=address, browser=browser, token=token))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo is made, anew each time.")] = Path(
        "kinodex-demo"
    ),
    clean: Annotated[bool, typer.Option("--remove", help="Only delete an earlier demo.")] = False,
) -> None:
    """Make a small library of generated videos, index it and search it. Needs no network."""
    wait_without_spinning()
    from tasks.demo.run import run_demo

    raise typer.Exit(run_demo(folder, only_remove=clean))


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence, ours in a traceback."""
    start_without_spinning()
    write_any_name()
    # Libraries report through loggers what the commands say better themselves.
    for name in ("", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with whole_output():
            app()
    except KinodexError as error:
        from search.wording import printable

        print(f"kinodex: {printable(str(error))}", file=sys.stderr)  # noqa: T201
        if isinstance(error, QueryMistake) and (marked := error.pointed()):
            print("\n".join(f"  {line}" for line in marked.splitlines()), file=sys.stderr)  # noqa: T201
        sys.exit(2 if isinstance(error, QueryMistake) else 1)
    except OSError as error:  # the disk, the network or the user's rights, not we
        from search.wording import printable

        about = f" ({printable(str(error.filename))})" if error.filename else ""
        print(f"kinodex: {error.strerror or error}{about}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    main()
