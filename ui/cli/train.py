"""`kinodex train`: models of your own data."""

import typer

from ui.cli.train_actions import actions
from ui.cli.train_retrieval import retrieval

train_app = typer.Typer(no_args_is_help=True, help="Train on videos of your own.")


@train_app.callback()
def root() -> None:
    """Train on videos of your own."""


train_app.command()(retrieval)
train_app.command()(actions)
