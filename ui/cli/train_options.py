"""Options that all kinds of training have. Free of torch, so that --help answers at once."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tasks.training.request import Recipe, StartFlags, TrainingRequest


class Tune(StrEnum):
    """How much of the model trains."""

    HEAD = "head"
    TEXT = "text"
    PICTURES = "pictures"
    ALL = "all"


class Optimiser(StrEnum):
    """What takes the steps."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


class Precision(StrEnum):
    """Arithmetic of the forward and backward pass."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


OutOption = Annotated[
    Path,
    typer.Option(help="Folder for the results. Run the same command again to go on after a stop."),
]
TuneOption = Annotated[
    Tune,
    typer.Option(
        help="head: the model stays as it is, minutes on a CPU. text: its text tower trains "
        "too. pictures: its picture tower does. all: everything trains. Both need a GPU."
    ),
]
StartModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="'fast', 'good', 'best', 'imagenet', 'bundled', an open_clip model name, or "
        "'hf-hub:ORG/REPO'. "
        "Default: that of --init, else one that suits this machine.",
        show_default=False,
    ),
]
InitOption = Annotated[
    Path | None,
    typer.Option(
        help="Start from an earlier run: its folder, or its head file. A backbone that lies "
        "beside the head is taken too.",
        show_default=False,
    ),
]
EpochsOption = Annotated[float, typer.Option(min=0.001, help="Passes over the training data.")]
StepsOption = Annotated[
    int | None, typer.Option(min=1, help="Steps, in the place of --epochs.", show_default=False)
]
ChunkOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Pairs in memory at once. The gradient is that of the whole batch; each pair "
        "is encoded twice.",
        show_default=False,
    ),
]
HeadRateOption = Annotated[float, typer.Option(min=0.0, help="Peak learning rate, head.")]
BackboneRateOption = Annotated[
    float, typer.Option(min=0.0, help="Peak learning rate, text and image tower.")
]
TextRateOption = Annotated[
    float | None,
    typer.Option(min=0.0, help="Text tower. Default: --backbone-rate.", show_default=False),
]
PictureRateOption = Annotated[
    float | None,
    typer.Option(min=0.0, help="Picture tower. Default: --backbone-rate.", show_default=False),
]
OptimiserOption = Annotated[
    Optimiser, typer.Option(help="What takes the steps; Adam and SGD decay through the gradient.")
]
RateDropOption = Annotated[
    list[float] | None,
    typer.Option(
        min=0.01,
        max=0.99,
        help="Let the rate fall to a tenth after this share of the steps, in the place of half a "
        "cosine; may be given several times.",
        show_default=False,
    ),
]
WarmupOption = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of the steps in which the rate rises.")
]
WeightDecayOption = Annotated[
    float, typer.Option(min=0.0, help="Of weight matrices; norms, biases, tables have none.")
]
GradientClipOption = Annotated[
    float, typer.Option(min=0.0, help="Largest norm of all gradients together.")
]
FreezeBelowOption = Annotated[
    int,
    typer.Option(
        min=-1,
        help="Freeze both towers below this block: 0 embeddings only, 6 the first six "
        "blocks too, -1 nothing.",
    ),
]
PrecisionOption = Annotated[
    Precision, typer.Option(help="Of the arithmetic; weights stay float32.")
]
BlocksOption = Annotated[int, typer.Option(min=1, help="Transformer blocks of the head.")]
StandardisedOption = Annotated[
    bool, typer.Option(help="Bring the head's inputs to mean 0 and deviation 1 first.")
]
ValidationVideosOption = Annotated[
    int,
    typer.Option(
        min=1,
        help="Training videos held out to choose the best step, where the data has no "
        "validation split.",
    ),
]
ValidateEveryOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Steps between validations. Default: an epoch, at most 20 in all.",
        show_default=False,
    ),
]
SaveEveryOption = Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")]
SeedOption = Annotated[int, typer.Option(help="Of first weights, batches and dropout.")]
SweepOption = Annotated[
    bool,
    typer.Option(
        "--sweep", help="Only try learning rates: short runs, a table, a curve, a recommendation."
    ),
]
SweepStepsOption = Annotated[int, typer.Option(min=1, help="Steps of each run of --sweep.")]


def start_flags(typed: Mapping[str, Any]) -> "StartFlags":
    """The model and where to start from, out of a command's options by their names."""
    from tasks.terminal.model_flags import ModelFlags
    from tasks.training.request import StartFlags

    model = ModelFlags(typed["model"], typed["pretrained"], typed["weights"], typed["device"])
    return StartFlags(model, typed["init"])


def training_request(
    typed: Mapping[str, Any], head: str, recipe: "Recipe"
) -> "TrainingRequest[Recipe]":
    """What a run is asked for, out of a command's options by their names.

    Where epochs were typed instead of steps, the number of steps is not known before the data is.
    """
    from models.training.loop import TrainingSettings
    from tasks.training.request import HeadFlags, TrainingRequest

    return TrainingRequest(
        out=typed["out"],
        start=start_flags(typed),
        head=HeadFlags(head, typed["blocks"], typed["gated"], typed["standardised"]),
        settings=TrainingSettings(
            steps=typed["steps"] or 1,
            head_learning_rate=typed["head_rate"],
            backbone_learning_rate=typed["backbone_rate"],
            warmup_share=typed["warmup"],
            weight_decay=typed["weight_decay"],
            gradient_clip=typed["gradient_clip"],
            precision=typed["precision"].value,
            seed=typed["seed"],
            tune=typed["tune"].value,
            freeze_below=typed["freeze_below"],
            chunk=typed["chunk"],
            validate_every=typed["validate_every"] or 0,
            save_every=typed["save_every"],
            text_learning_rate=typed["text_rate"],
            picture_learning_rate=typed["picture_rate"],
            optimiser=typed["optimiser"].value,
            rate_drops=tuple(typed["rate_drop"] or ()),
        ),
        recipe=recipe,
        epochs=None if typed["steps"] else typed["epochs"],
        sweep_steps=typed["sweep_steps"] if typed["sweep"] else None,
        as_json=typed["as_json"],
    )
