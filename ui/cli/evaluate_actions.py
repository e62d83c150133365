"""`kinodex evaluate actions`; what it does is in `tasks.evaluation.actions`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.identity import USUAL_TAG_THRESHOLD
from ui.cli import options


class Averaged(StrEnum):
    """What the templates of a label are averaged in."""

    PROBABILITIES = "probabilities"
    EMBEDDINGS = "embeddings"
    BOTH = "both"


class Views(StrEnum):
    """How often each clip is looked at."""

    ONE = "1"
    THIRTY = "10x3"


class Undecoded(StrEnum):
    """What becomes of clips that cannot be decoded."""

    WRONG = "wrong"
    LEFT_OUT = "left-out"


def actions(
    data: options.ActionDataOption,
    videos: options.VideosOption = None,
    split: options.SplitOption = "test",
    model: options.EvaluatedModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="MeanP, or the file of a trained head for actions. Default: the model's own if "
            "it was trained on these labels, or MeanP.",
            show_default=False,
        ),
    ] = None,
    other_labels: Annotated[
        bool, typer.Option("--other-labels", help="Allow a head that was trained on other labels.")
    ] = False,
    templates: options.TemplatesOption = None,
    average: Annotated[
        Averaged, typer.Option(help="Where a label has several sentences, what is averaged.")
    ] = Averaged.PROBABILITIES,
    views: Annotated[
        Views,
        typer.Option(help="Looks at each clip: one, or ten samplings in time of three crops each."),
    ] = Views.ONE,
    crop: options.CropOption = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Frames of each look. Default: as many as the head was trained with, or 8.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="From which probability on a tag is given.")
    ] = USUAL_TAG_THRESHOLD,
    undecoded: Annotated[
        Undecoded, typer.Option(help="How clips that cannot be decoded are counted.")
    ] = Undecoded.WRONG,
    confusion: Annotated[
        Path | None,
        typer.Option(
            help="Draw which label was taken for which into this PNG file.", show_default=False
        ),
    ] = None,
    per_video: Annotated[
        Path | None,
        typer.Option(
            help="Write what was said of every clip into this JSONL file.", show_default=False
        ),
    ] = None,
    cache: options.FrameCacheOption = None,
    device: options.DeviceOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """How well a model tells which actions happen, in percent.

    Top-1 and top-5 ask which one label it is; the tags ask of each label whether it holds, so
    there may be several, or none. Ties count against the model.
    """
    from tasks.evaluation.actions import ActionRequest, evaluate_actions
    from tasks.terminal.model_flags import ModelFlags

    request = ActionRequest(
        data=data,
        videos=videos,
        split=split,
        flags=ModelFlags(model, pretrained, weights, device),
        head=head,
        other_labels=other_labels,
        templates=templates,
        average=average.value,
        views=views.value,
        crop=crop.value if crop else None,
        frames=frames,
        threshold=threshold,
        is_undecoded_wrong=undecoded == Undecoded.WRONG,
        confusion=confusion,
        per_video=per_video,
        cache=cache,
    )
    raise typer.Exit(evaluate_actions(request, as_json=as_json))
