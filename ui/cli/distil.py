"""`kinodex distil`: a small, quick model that sees one's own videos as the library's model does."""

from typing import Annotated

import typer

from ui.cli import options, train_options


def distil(
    out: train_options.OutOption,
    student: Annotated[
        str,
        typer.Option(
            help="The network that learns to see: any name of timm. 'efficientnet_lite0' begins "
            "with ImageNet's weights where kinodex[imagenet] is installed, others from nothing."
        ),
    ] = "efficientnet_lite0",
    library: options.LibraryOption = None,
    side: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=32,
            max=1024,
            help="Side of its pictures in pixels; small ones are quicker. Default: 128, or the "
            "teacher's where that is less.",
            show_default=False,
        ),
    ] = None,
    stages: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Keep only this many stages of the network, counted from the picture: it becomes "
            "smaller and quicker. Default: all.",
            show_default=False,
        ),
    ] = None,
    epochs: train_options.EpochsOption = 3,
    steps: train_options.StepsOption = None,
    batch_size: Annotated[int, typer.Option(min=2, help="Frames in a step.")] = 64,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Peak learning rate. Default: 3e-4 with ImageNet's weights, 2e-3 without.",
            show_default=False,
        ),
    ] = None,
    warmup: train_options.WarmupOption = 0.1,
    weight_decay: train_options.WeightDecayOption = 0.05,
    gradient_clip: train_options.GradientClipOption = 1.0,
    precision: train_options.PrecisionOption = train_options.Precision.FLOAT32,
    most_frames: Annotated[
        int,
        typer.Option(
            "--frames", min=16, help="The most frames to learn from; more videos are left out."
        ),
    ] = 10_000,
    held_out: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.9,
            help="Share of the videos that is only measured on; of the segments, where there are "
            "fewer than ten videos.",
        ),
    ] = 0.15,
    validate_every: train_options.ValidateEveryOption = None,
    save_every: train_options.SaveEveryOption = 50,
    seed: train_options.SeedOption = 42,
    cache: options.FrameCacheOption = None,
    device: options.DeviceOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Teach a small network to see your videos as the library's model does.

    The folder then holds a model like any other, with the words of the library's model: 'kinodex
    index --model FOLDER' costs a fraction. The library itself stays as it is.
    """
    from models.clip.students import has_imagenet_weights
    from models.training.loop import TrainingSettings
    from tasks.training.distilling import DistillationRequest
    from tasks.training.distilling import distil as run

    usual_rate = 3e-4 if has_imagenet_weights(student) else 2e-3
    settings = TrainingSettings(
        steps=steps or 1,
        backbone_learning_rate=usual_rate if rate is None else rate,
        warmup_share=warmup,
        weight_decay=weight_decay,
        gradient_clip=gradient_clip,
        precision=precision.value,
        seed=seed,
        tune="all",
        validate_every=validate_every or 0,
        save_every=save_every,
    )
    raise typer.Exit(
        run(
            DistillationRequest(
                library=library,
                student=student,
                out=out,
                side=side,
                stages=stages,
                most_frames=most_frames,
                share=held_out,
                batch_size=batch_size,
                cache=cache,
                device=device,
                settings=settings,
                epochs=None if steps else epochs,
                as_json=as_json,
            )
        )
    )
