"""`kinodex train retrieval`: heads and models that match texts with videos."""

from enum import StrEnum
from typing import Annotated

import typer

from models.heads.config import HeadName
from ui.cli import options, train_options


class Patches(StrEnum):
    """How a ViT cuts frames into patches."""

    SINGLE = "2d"
    WITH_NEIGHBOURS = "3d"


class Captions(StrEnum):
    """How an epoch goes over videos with several captions."""

    EXPANDED = "expanded"
    ONE = "one_caption"


def retrieval(
    context: typer.Context,
    data: options.DataOption,
    out: train_options.OutOption,
    videos: options.VideosOption = None,
    head: Annotated[
        HeadName | None,
        typer.Option(
            help="What fuses the frames of a video. Default: that of --init, else seqTransf.",
            show_default=False,
        ),
    ] = None,
    tune: train_options.TuneOption = train_options.Tune.HEAD,
    model: train_options.StartModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    init: train_options.InitOption = None,
    epochs: train_options.EpochsOption = 5,
    steps: train_options.StepsOption = None,
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
    chunk: train_options.ChunkOption = None,
    head_rate: train_options.HeadRateOption = 1e-4,
    backbone_rate: train_options.BackboneRateOption = 1e-5,
    text_rate: train_options.TextRateOption = None,
    picture_rate: train_options.PictureRateOption = None,
    optimiser: train_options.OptimiserOption = train_options.Optimiser.ADAMW,
    rate_drop: train_options.RateDropOption = None,
    warmup: train_options.WarmupOption = 0.1,
    weight_decay: train_options.WeightDecayOption = 0.2,
    gradient_clip: train_options.GradientClipOption = 1.0,
    freeze_below: train_options.FreezeBelowOption = -1,
    precision: train_options.PrecisionOption = train_options.Precision.FLOAT32,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each video, at most.")] = 12,
    frame_rate: Annotated[
        float, typer.Option(min=0.0, help="Frames to choose from, per second; 0 is every frame.")
    ] = 1.0,
    patches: Annotated[
        Patches | None,
        typer.Option(
            help="How a ViT cuts frames into patches: each frame by itself (2d), or together with "
            "those beside it (3d, with --tune all). Default: as the model does.",
            show_default=False,
        ),
    ] = None,
    choose: Annotated[
        options.Slice,
        typer.Option(
            "--slice",
            help="Which frames are kept where there are more: spread over the video, its first, "
            "or its last.",
        ),
    ] = options.Slice.UNIFORM,
    count: options.CountOption = None,
    frame_order: options.FrameOrderOption = options.FrameOrder.FORWARD,
    max_words: options.MaxWordsOption = None,
    blocks: train_options.BlocksOption = 4,
    gated: Annotated[
        bool, typer.Option(help="Let seqLSTM or seqTransf start exactly as meanP.")
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
    """Teach a head, and if wanted the model, to match texts with videos (CLIP4Clip).

    The best step by validation is kept in the output folder as head.safetensors, and as
    backbone.safetensors where the model itself has trained. The test split is never read.
    """
    from indexer.datasets.captions.loading import usual_count
    from tasks.training.request import RetrievalFlags
    from tasks.training.retrieval import train_retrieval, usual_head

    name = head.value if head else usual_head(train_options.start_flags(context.params))
    recipe = RetrievalFlags(
        spec=data,
        videos=videos,
        cache=cache,
        frames=frames,
        frame_rate=frame_rate,
        batch_size=batch_size,
        captions=captions.value,
        unique_videos=unique_videos,
        validation_videos=validation_videos,
        patches=patches.value if patches else None,
        choose=choose.value,
        order=frame_order.value,
        max_words=max_words,
        by=count.value if count else usual_count(data),
    )
    raise typer.Exit(train_retrieval(train_options.training_request(context.params, name, recipe)))
