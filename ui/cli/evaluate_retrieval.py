"""`kinodex evaluate retrieval`; what it does is in `tasks.evaluation.retrieval`."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli import options


def retrieval(
    data: options.DataOption,
    videos: options.VideosOption = None,
    split: options.SplitOption = "test",
    model: options.EvaluatedModelOption = None,
    pretrained: options.PretrainedOption = None,
    weights: options.WeightsOption = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="meanP, query-aware, or the file of a trained head. Default: the model's own.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Frames of each video, at most. Default: as many as the head was trained with, "
            "or 12.",
            show_default=False,
        ),
    ] = None,
    frame_rate: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Frames to choose from, per second; 0 is every frame. Default: that of the "
            "head's training, or 1.",
            show_default=False,
        ),
    ] = None,
    choose: Annotated[
        options.Slice | None,
        typer.Option(
            "--slice",
            help="Which frames are kept where there are more. Default: as in the head's training, "
            "or uniform.",
            show_default=False,
        ),
    ] = None,
    count: options.CountOption = None,
    frame_order: options.FrameOrderOption = options.FrameOrder.FORWARD,
    max_words: options.MaxWordsOption = None,
    dual_softmax: Annotated[
        bool,
        typer.Option("--dual-softmax", help="Also with scores that look at all queries together."),
    ] = False,
    query_bank: Annotated[
        str | None,
        typer.Option(
            help="Also with scores normalised by other captions: a split of the data that is not "
            "measured (train), or a text file with one caption a line.",
            show_default=False,
        ),
    ] = None,
    per_query: Annotated[
        Path | None,
        typer.Option(
            help="Write the rank of every query into this JSONL file.", show_default=False
        ),
    ] = None,
    cache: options.FrameCacheOption = None,
    device: options.DeviceOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """How well captions find their videos, and videos their captions.

    R@k is the percentage of queries whose right answer is among the first k. Ties count against
    the model. Videos that cannot be decoded are left out, and counted.
    """
    from tasks.evaluation.retrieval import RetrievalRequest, evaluate_retrieval
    from tasks.terminal.model_flags import ModelFlags

    request = RetrievalRequest(
        data=data,
        videos=videos,
        split=split,
        flags=ModelFlags(model, pretrained, weights, device),
        head=head,
        frames=frames,
        frame_rate=frame_rate,
        choose=choose.value if choose else None,
        order=frame_order.value,
        max_words=max_words,
        by=count.value if count else None,
        dual_softmax=dual_softmax,
        query_bank=query_bank,
        per_query=per_query,
        cache=cache,
    )
    raise typer.Exit(evaluate_retrieval(request, as_json=as_json))
