"""`kinodex train retrieval`: heads and models that match texts with videos."""

from enum import StrEnum
from typing import Annotated

import typer

from models.heads.config import HeadName
from ui.cli.options import (
    DataOption,
    DeviceOption,
    FrameCacheOption,
    JsonOption,
    PretrainedOption,
    VideosOption,
    WeightsOption,
)
from ui.cli.train_options import (
    BackboneRateOption,
    BlocksOption,
    ChunkOption,
    EpochsOption,
    FreezeBelowOption,
    GradientClipOption,
    HeadRateOption,
    InitOption,
    OutOption,
    Precision,
    PrecisionOption,
    SaveEveryOption,
    SeedOption,
    StandardisedOption,
    StartModelOption,
    StepsOption,
    SweepOption,
    SweepStepsOption,
    Tune,
    TuneOption,
    ValidateEveryOption,
    ValidationVideosOption,
    WarmupOption,
    WeightDecayOption,
    start_flags,
    training_request,
)


class Captions(StrEnum):
    """How an epoch goes over videos with several captions."""

    EXPANDED = "expanded"
    ONE = "one_caption"


def retrieval(
    context: typer.Context,
    data: DataOption,
    out: OutOption,
    videos: VideosOption = None,
    head: Annotated[
        HeadName | None,
        typer.Option(
            help="What fuses the frames of a video. Default: that of --init, else seqTransf.",
            show_default=False,
        ),
    ] = None,
    tune: TuneOption = Tune.HEAD,
    model: StartModelOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    init: InitOption = None,
    epochs: EpochsOption = 5,
    steps: StepsOption = None,
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
    chunk: ChunkOption = None,
    head_rate: HeadRateOption = 1e-4,
    backbone_rate: BackboneRateOption = 1e-5,
    warmup: WarmupOption = 0.1,
    weight_decay: WeightDecayOption = 0.2,
    gradient_clip: GradientClipOption = 1.0,
    freeze_below: FreezeBelowOption = -1,
    precision: PrecisionOption = Precision.FLOAT32,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each video, at most.")] = 12,
    frame_rate: Annotated[
        float, typer.Option(min=0.0, help="Frames to choose from, per second; 0 is every frame.")
    ] = 1.0,
    blocks: BlocksOption = 4,
    gated: Annotated[
        bool, typer.Option(help="Let seqLSTM or seqTransf start exactly as meanP.")
    ] = False,
    standardised: StandardisedOption = False,
    validation_videos: ValidationVideosOption = 500,
    validate_every: ValidateEveryOption = None,
    save_every: SaveEveryOption = 200,
    seed: SeedOption = 42,
    cache: FrameCacheOption = None,
    device: DeviceOption = None,
    sweep: SweepOption = False,
    sweep_steps: SweepStepsOption = 100,
    as_json: JsonOption = False,
) -> None:
    """Teach a head, and if wanted the model, to match texts with videos (CLIP4Clip).

    The best step by validation is kept in the output folder as head.safetensors, and as
    backbone.safetensors where the model itself has trained. The test split is never read.
    """
    from tasks.training.request import RetrievalFlags
    from tasks.training.retrieval import train_retrieval, usual_head

    name = head.value if head else usual_head(start_flags(context.params))
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
    )
    raise typer.Exit(train_retrieval(training_request(context.params, name, recipe)))
