"""`kinodex train actions`: what the options must agree on, and one run."""

from pathlib import Path

from models.choice import ACTION_MEAN_POOLING, MEAN_POOLING
from models.errors import KinodexError
from models.heads.card import HeadCard
from models.heads.config import ACTION_HEADS
from models.training.loop import TrainingSettings
from tasks.training.actions import assemble_actions
from tasks.training.flags import ActionFlags, BackboneFlags, HeadFlags
from tasks.training.run import check_something_trains, run_training


def run_actions(
    out: Path,
    settings: TrainingSettings,
    model: BackboneFlags,
    head: HeadFlags,
    flags: ActionFlags,
    *,
    epochs: float | None,
    sweep_steps: int | None,
    as_json: bool,
) -> int:
    """Train action recognition; see `run_training`."""
    check_something_trains(head.name, settings)
    _check_visual(head, settings, flags)
    return run_training(
        lambda: assemble_actions(settings, model, head, flags),
        out.expanduser(),
        epochs=epochs,
        sweep_steps=sweep_steps,
        as_json=as_json,
    )


def usual_visual(card: HeadCard | None) -> str:
    """The visual prompt when none was named: that of the first head."""
    return card.action.visual if card and card.action else "plain"


def usual_action_head(card: HeadCard | None, *, visual: str) -> str:
    """The head to train when none was named.

    Raises KinodexError when the first head is one for search.
    """
    if visual == "joint":
        return ACTION_MEAN_POOLING
    if card is None or card.config.name == MEAN_POOLING:
        return "Transf"
    if card.config.name not in ACTION_HEADS:
        raise KinodexError(
            f"--init names a {card.config.name}, a head for search: begin with a head for "
            "actions, or a meanP with its backbone"
        )
    return card.config.name


def _check_visual(head: HeadFlags, settings: TrainingSettings, flags: ActionFlags) -> None:
    if flags.visual == "plain":
        return
    if settings.tune != "all":
        raise KinodexError(
            f"--visual {flags.visual} changes how the picture tower works: train it too, with "
            "--tune all"
        )
    if flags.visual == "joint" and head.name != ACTION_MEAN_POOLING:
        raise KinodexError(
            "--visual joint makes one embedding of a whole video, so there is nothing left for "
            f"{head.name} to fuse: use --head {ACTION_MEAN_POOLING}"
        )
