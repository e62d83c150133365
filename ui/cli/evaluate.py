"""`kinodex evaluate`: the options; what they do is in `tasks.evaluation.retrieval`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.choice import USUAL_TAG_THRESHOLD
from models.threads import wait_without_spinning
from ui.cli.options import (
    ActionDataOption,
    DataOption,
    DeviceOption,
    FrameCacheOption,
    JsonOption,
    LibraryOption,
    PretrainedOption,
    TemplatesOption,
    VideosOption,
    WeightsOption,
)
from ui.cli.sketch import MaskMethod, PresetName

evaluate_app = typer.Typer(no_args_is_help=True, help="Measure how good a model is.")


_ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        envvar="KINODEX_MODEL",
        help="'bundled', an open_clip model name, or 'hf-hub:ORG/REPO'. Default: one that suits "
        "this machine.",
        show_default=False,
    ),
]
_SplitOption = Annotated[str, typer.Option(help="train, val or test, or several joined by '+'.")]


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


def _stroke_counts(text: str) -> str:
    counts = text.split(",")
    if not all(part.strip().isdigit() and 1 <= int(part) <= 64 for part in counts):
        raise typer.BadParameter("numbers from 1 to 64, with commas between: 4,8,16")
    return text


@evaluate_app.callback()
def root() -> None:
    """Measure how good a model is."""


@evaluate_app.command()
def retrieval(
    data: DataOption,
    videos: VideosOption = None,
    split: _SplitOption = "test",
    model: _ModelOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
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
    cache: FrameCacheOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """How well captions find their videos, and videos their captions.

    R@k is the percentage of queries whose right answer is among the first k. Ties count against
    the model. Videos that cannot be decoded are left out, and counted.
    """
    from tasks.evaluation.retrieval import EvaluationRequest, run_retrieval
    from tasks.terminal.model_flags import ModelFlags

    request = EvaluationRequest(
        data=data,
        videos=videos,
        split=split,
        flags=ModelFlags(model, pretrained, weights, device),
        head=head,
        frames=frames,
        frame_rate=frame_rate,
        dual_softmax=dual_softmax,
        query_bank=query_bank,
        per_query=per_query,
        cache=cache,
    )
    raise typer.Exit(run_retrieval(request, as_json=as_json))


@evaluate_app.command()
def actions(
    data: ActionDataOption,
    videos: VideosOption = None,
    split: _SplitOption = "test",
    model: _ModelOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="MeanP, or the file of a trained head for actions. Default: the model's own if "
            "it was trained on these labels, or MeanP.",
            show_default=False,
        ),
    ] = None,
    other_labels: Annotated[
        bool,
        typer.Option("--other-labels", help="Allow a head that was trained on other labels."),
    ] = False,
    templates: TemplatesOption = None,
    average: Annotated[
        Averaged, typer.Option(help="Where a label has several sentences, what is averaged.")
    ] = Averaged.PROBABILITIES,
    views: Annotated[
        Views,
        typer.Option(help="Looks at each clip: one, or ten samplings in time of three crops each."),
    ] = Views.ONE,
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
    cache: FrameCacheOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """How well a model tells which actions happen, in percent.

    Top-1 and top-5 ask which one label it is; the tags ask of each label whether it holds, so
    there may be several, or none. Ties count against the model.
    """
    from tasks.evaluation.actions import ActionRequest, run_actions
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
        frames=frames,
        threshold=threshold,
        is_undecoded_wrong=undecoded == Undecoded.WRONG,
        confusion=confusion,
        per_video=per_video,
        cache=cache,
    )
    raise typer.Exit(run_actions(request, as_json=as_json))


@evaluate_app.command()
def sketch(
    pictures: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with a folder of pictures for each label, named after it. Default: the "
            "sketches of the library, and the labels of its tags.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    strokes: Annotated[
        str,
        typer.Option(
            metavar="N,N,…",
            callback=_stroke_counts,
            help="Numbers of strokes to draw; of a library's sketches, so many first strokes.",
        ),
    ] = "4,8,16,32",
    preset: Annotated[
        PresetName, typer.Option(help="How pictures are drawn, as for 'kinodex sketch'.")
    ] = PresetName.QUICK,
    mask: Annotated[
        MaskMethod, typer.Option(help="How subjects are told, as for 'kinodex sketch'.")
    ] = MaskMethod.AUTO,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other sketches.")] = 0,
    templates: Annotated[
        Path | None,
        typer.Option(
            help="Text file of sentences to put the labels into, one a line, with {} for the "
            "label. Default: a photo of {}, a drawing of {}, a sketch of {}.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The model that draws. Default: the library's; for pictures the bundled one.",
            show_default=False,
        ),
    ] = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    judge: Annotated[
        str | None,
        typer.Option(help="Another model, that did not draw.", show_default=False),
    ] = None,
    judge_pretrained: Annotated[
        str | None, typer.Option(help="The judge's weights, by tag.", show_default=False)
    ] = None,
    judge_weights: Annotated[
        Path | None, typer.Option(help="The judge's weights, a file.", show_default=False)
    ] = None,
    curve: Annotated[
        Path | None,
        typer.Option(help="Draw strokes against recognition into this PNG.", show_default=False),
    ] = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """How often sketches are recognised, in percent: CLIP names them among the labels.

    By the model that drew and by another one, beside the photographs and as many Canny edges.
    """
    wait_without_spinning()
    from search.catalog.settings import SketchSettings
    from tasks.evaluation.sketches import SketchExamRequest, run_sketch_exam
    from tasks.terminal.model_flags import ModelFlags

    request = SketchExamRequest(
        pictures=pictures,
        library=library,
        strokes=tuple(sorted(int(count) for count in strokes.split(","))),
        settings=SketchSettings(preset=preset.value, mask=mask.value, seed=seed),
        templates=templates,
        drawer=ModelFlags(model, pretrained, weights, device),
        judge=ModelFlags(judge, judge_pretrained, judge_weights, device),
        curve=curve,
    )
    raise typer.Exit(run_sketch_exam(request, as_json=as_json))
