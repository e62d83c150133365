"""`kinodex train actions`: models that tell what happens, from clips with labels."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.heads.config import ActionHeadName
from ui.cli import options, train_options


class Visual(StrEnum):
    """How the picture tower sees time."""

    PLAIN = "plain"
    SHIFT = "shift"
    JOINT = "joint"


def actions(
    context: typer.Context,
    out: train_options.OutOption,
    data: Annotated[
        str | None, typer.Option("--data", help=options.ACTION_DATA_HELP, show_default=False)
    ] = None,
    from_library: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a library: learn from what people said with 'kinodex tag --correct' "
            "too, or, without --data, from nothing else.",
            show_default=False,
        ),
    ] = None,
    videos: options.VideosOption = None,
    head: Annotated[
        ActionHeadName | None,
        typer.Option(
            help="What fuses the frames of a clip. Default: that of --init, else Transf; MeanP "
            "with --visual joint.",
            show_default=False,
        ),
    ] = None,
    visual: Annotated[
        Visual | None,
        typer.Option(
            help="plain: the picture tower sees single frames. shift: it lends channels to the "
            "frames beside. joint: it sees the whole clip at once. Both need --tune all. Default: "
            "that of --init, else plain.",
            show_default=False,
        ),
    ] = None,
    tune: train_options.TuneOption = train_options.Tune.HEAD,
    model: train_options.StartModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    init: train_options.InitOption = None,
    shots: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Learn from only this many clips of each label, chosen by the seed.",
            show_default=False,
        ),
    ] = None,
    templates: options.TemplatesOption = None,
    target_temperature: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="How sharply right texts are told from wrong ones; 'inf' asks for certainty.",
        ),
    ] = 10.0,
    tag_weight: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="How much it counts that each label holds or not, whatever the others do. "
            "Default: 1, but 0 where the text tower trains.",
            show_default=False,
        ),
    ] = None,
    epochs: train_options.EpochsOption = 20,
    steps: train_options.StepsOption = None,
    batch_size: Annotated[
        int,
        typer.Option(
            min=2, help="Clips in a step, over all processes together; all, if they are fewer."
        ),
    ] = 128,
    chunk: train_options.ChunkOption = None,
    head_rate: train_options.HeadRateOption = 1e-4,
    backbone_rate: train_options.BackboneRateOption = 5e-6,
    text_rate: train_options.TextRateOption = None,
    picture_rate: train_options.PictureRateOption = None,
    optimiser: train_options.OptimiserOption = train_options.Optimiser.ADAMW,
    rate_drop: train_options.RateDropOption = None,
    warmup: train_options.WarmupOption = 0.1,
    weight_decay: train_options.WeightDecayOption = 0.2,
    gradient_clip: train_options.GradientClipOption = 1.0,
    freeze_below: train_options.FreezeBelowOption = -1,
    precision: train_options.PrecisionOption = train_options.Precision.FLOAT32,
    frames: Annotated[
        int, typer.Option(min=1, help="Segments of a clip; a frame of each is taken.")
    ] = 8,
    shifts: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames of each segment that are kept ready; every step takes one by chance.",
        ),
    ] = 3,
    augment: Annotated[
        bool, typer.Option(help="With --tune all: crop, colour and mirror clips by chance.")
    ] = True,
    rand_augment: Annotated[
        int,
        typer.Option(
            min=0,
            max=14,
            help="Changes of RandAugment before all others; ActionCLIP: 2 for Kinetics.",
        ),
    ] = 0,
    rand_magnitude: Annotated[
        int, typer.Option(min=0, max=30, help="How strong the changes of --rand-augment are.")
    ] = 9,
    drop_path: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.9,
            help="With --tune all or pictures: how likely the last block of a ViT leaves a "
            "picture out; the blocks before it less and less.",
        ),
    ] = 0.0,
    embedding_dropout: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="The same of each number of the patches' embeddings."),
    ] = 0.0,
    flip: Annotated[
        bool | None,
        typer.Option(
            help="Mirror clips or not. Default: unless a label speaks of left, right or clockwise.",
            show_default=False,
        ),
    ] = None,
    crop: options.CropOption = None,
    blocks: train_options.BlocksOption = 6,
    gated: Annotated[
        bool,
        typer.Option(help="Let the head start exactly as MeanP, so that no action is forgotten."),
    ] = False,
    standardised: train_options.StandardisedOption = False,
    validation_videos: train_options.ValidationVideosOption = 500,
    validate_every: train_options.ValidateEveryOption = None,
    save_every: train_options.SaveEveryOption = 200,
    seed: train_options.SeedOption = 42,
    cache: options.FrameCacheOption = None,
    device: options.DeviceOption = None,
    sweep: train_options.SweepOption = False,
    sweep_steps: train_options.SweepStepsOption = 100,
    as_json: options.JsonOption = False,
) -> None:
    """Teach a head, and if wanted the model, to tell which actions happen (ActionCLIP).

    The best step by validation is kept in the output folder as head.safetensors, and as
    backbone.safetensors where the model itself has trained. The test split is never read.
    """
    from tasks.training.actions import train_actions, usual_action_head, usual_crop, usual_visual
    from tasks.training.request import ActionFlags

    start = train_options.start_flags(context.params)
    seen = visual.value if visual else usual_visual(start)
    name = head.value if head else usual_action_head(start, visual=seen)
    recipe = ActionFlags(
        spec=data,
        library=from_library,
        videos=videos,
        cache=cache,
        frames=frames,
        shifts=shifts,
        batch_size=batch_size,
        shots=shots,
        validation_videos=validation_videos,
        augment=augment,
        flip=flip,
        templates=templates,
        target_temperature=target_temperature,
        tag_weight=tag_weight,
        visual=seen,
        rand_augment=rand_augment,
        rand_magnitude=rand_magnitude,
        drop_path=drop_path,
        embedding_dropout=embedding_dropout,
        crop=crop.value if crop else usual_crop(start),
    )
    raise typer.Exit(train_actions(train_options.training_request(context.params, name, recipe)))
