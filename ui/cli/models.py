"""`kinodex models`: those to choose from, what is compiled of them, and whether to trust one."""

from typing import Annotated

import typer

from ui.cli import options

app = typer.Typer(
    help="List the models to choose from, and what was compiled for this processor.",
    invoke_without_command=True,
)


@app.callback()
def listed(
    context: typer.Context,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove all that was compiled: it can be made again.")
    ] = False,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure first how fast this machine is with each: nothing is downloaded.",
        ),
    ] = False,
    as_json: options.JsonOption = False,
) -> None:
    """List the models to choose from, and what was compiled for this processor."""
    if context.invoked_subcommand:
        return
    from tasks.models import clear_models, list_models

    if clear:
        clear_models(as_json=as_json)
    else:
        list_models(measure=measure, as_json=as_json)


@app.command()
def check(
    name: Annotated[
        str, typer.Argument(help="The model, named as for 'kinodex index'.", show_default=False)
    ],
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = None,
    engine: options.EngineOption = None,
    precision: options.PrecisionOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Ask a model about a dozen photographs, and say whether it can be trusted.

    It is downloaded if it is not here yet. The exit code is 1 for a model that cannot be.
    """
    from tasks.model_check import check_model
    from tasks.terminal.model_flags import ModelFlags

    flags = ModelFlags(name, pretrained, weights, device, engine, precision)
    raise typer.Exit(check_model(flags, as_json=as_json))
