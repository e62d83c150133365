"""`kinodex train`: models of your own data."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ui.options import (
    DataOption,
    DeviceOption,
    FrameCacheOption,
    PretrainedOption,
    VideosOption,
    WeightsOption,
)

train_app = typer.Typer(no_args_is_help=True, help="Train on captioned videos of your own.")


class HeadName(StrEnum):
    """The heads by name."""

    MEAN = "meanP"
    LSTM = "seqLSTM"
    TRANSFORMER = "seqTransf"
    TIGHT = "tightTransf"


class Tune(StrEnum):
    """How much of the model trains."""

    HEAD = "head"
    TEXT = "text"
    ALL = "all"


class Precision(StrEnum):
    """Arithmetic of the forward and backward pass."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Captions(StrEnum):
    """How an epoch goes over videos with several captions."""

    EXPANDED = "expanded"
    ONE = "one_caption"


@train_app.callback()
def root() -> None:
    """Train on captioned videos of your own."""


@train_app.command()
def retrieval(
    data: DataOption,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the results. Run the same command again to go on after a stop."
        ),
    ],
    videos: VideosOption = None,
    head: Annotated[
        HeadName | None,
        typer.Option(
            help="What fuses the frames of a video. Default: that of --init, else seqTransf.",
            show_default=False,
        ),
    ] = None,
    tune: Annotated[
        Tune,
        typer.Option(
            help="head: the model stays as it is, minutes on a CPU. text: its text tower trains "
            "too. all: everything trains, which needs a GPU."
        ),
    ] = Tune.HEAD,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="'bundled', an open_clip model name, or 'hf-hub:ORG/REPO'. Default: that of "
            "--init, else one that suits this machine.",
            show_default=False,
        ),
    ] = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Start from an earlier run: its folder, or its head file. A backbone that lies "
            "beside the head is taken too.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[float, typer.Option(min=0.001, help="Passes over the training pairs.")] = 5,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps, in the place of --epochs.", show_default=False),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=2, help="Pairs in a step, over all processes together.")
    ] = 128,
    captions: Annotated[
        Captions,
        typer.Option(help="Of videos with several captions: all in each epoch, or one by chance."),
    ] = Captions.EXPANDED,
    unique_videos: Annotated[
        bool, typer.Option(help="No video twice in a batch; otherwise both captions are right.")
    ] = False,
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Pairs in memory at once. The gradient is that of the whole batch; each pair "
            "is encoded twice.",
            show_default=False,
        ),
    ] = None,
    head_rate: Annotated[float, typer.Option(min=0.0, help="Peak learning rate, head.")] = 1e-4,
    backbone_rate: Annotated[
        float, typer.Option(min=0.0, help="Peak learning rate, text and image tower.")
    ] = 1e-5,
    warmup: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the steps in which the rate rises.")
    ] = 0.1,
    weight_decay: Annotated[
        float, typer.Option(min=0.0, help="Of weight matrices; norms, biases, tables have none.")
    ] = 0.2,
    gradient_clip: Annotated[
        float, typer.Option(min=0.0, help="Largest norm of all gradients together.")
    ] = 1.0,
    freeze_below: Annotated[
        int,
        typer.Option(
            min=-1,
            help="Freeze both towers below this block: 0 embeddings only, 6 the first six "
            "blocks too, -1 nothing.",
        ),
    ] = -1,
    precision: Annotated[
        Precision, typer.Option(help="Of the arithmetic; weights stay float32.")
    ] = Precision.FLOAT32,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each video, at most.")] = 12,
    frame_rate: Annotated[
        float, typer.Option(min=0.0, help="Frames to choose from, per second; 0 is every frame.")
    ] = 1.0,
    blocks: Annotated[int, typer.Option(min=1, help="Transformer blocks of the head.")] = 4,
    gated: Annotated[
        bool, typer.Option(help="Let seqLSTM or seqTransf start exactly as meanP.")
    ] = False,
    standardised: Annotated[
        bool, typer.Option(help="Bring the head's inputs to mean 0 and deviation 1 first.")
    ] = False,
    validation_videos: Annotated[
        int,
        typer.Option(
            min=1,
            help="Training videos held out to choose the best step, where the data has no "
            "validation split.",
        ),
    ] = 500,
    validate_every: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps between validations. Default: an epoch, at most 20 in all.",
            show_default=False,
        ),
    ] = None,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    seed: Annotated[int, typer.Option(help="Of first weights, batches and dropout.")] = 42,
    cache: FrameCacheOption = None,
    device: DeviceOption = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Only try learning rates: short runs, a table, a curve, a recommendation.",
        ),
    ] = False,
    sweep_steps: Annotated[int, typer.Option(min=1, help="Steps of each run of --sweep.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")] = False,
) -> None:
    """Teach a head, and if wanted the model, to match texts with videos (CLIP4Clip).

    The best step by validation is kept in the output folder as head.safetensors, and as
    backbone.safetensors where the model itself has trained. The test split is never read.
    """
    from models.training import TrainingSettings
    from ui.training import run_retrieval
    from ui.training_flags import BackboneFlags, DataFlags, HeadFlags

    settings = TrainingSettings(
        steps=steps or 1,
        head_learning_rate=head_rate,
        backbone_learning_rate=backbone_rate,
        warmup_share=warmup,
        weight_decay=weight_decay,
        gradient_clip=gradient_clip,
        precision=precision.value,
        seed=seed,
        tune=tune.value,
        freeze_below=freeze_below,
        chunk=chunk,
        validate_every=validate_every or 0,
        save_every=save_every,
    )
    flags = BackboneFlags(model, pretrained, weights, device, init)
    head_name = head.value if head else flags.usual_head()
    code = run_retrieval(
        out,
        settings,
        flags,
        HeadFlags(head_name, blocks, gated=gated, standardised=standardised),
        DataFlags(
            spec=data,
            videos=videos,
            cache=cache,
            frames=frames,
            frame_rate=frame_rate,
            batch_size=batch_size,
            captions=captions.value,
            unique_videos=unique_videos,
            validation_videos=validation_videos,
        ),
        epochs=None if steps else epochs,
        sweep_steps=sweep_steps if sweep else None,
        as_json=as_json,
    )
    raise typer.Exit(code)
