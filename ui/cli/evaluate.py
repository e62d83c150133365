"""`kinodex evaluate`: how good a model is."""

import typer

from ui.cli.evaluate_actions import actions
from ui.cli.evaluate_retrieval import retrieval
from ui.cli.evaluate_sketch import sketch

evaluate_app = typer.Typer(no_args_is_help=True, help="Measure how good a model is.")


@evaluate_app.callback()
def root() -> None:
    """Measure how good a model is."""


evaluate_app.command()(retrieval)
evaluate_app.command()(actions)
evaluate_app.command()(sketch)
