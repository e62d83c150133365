"""`kinodex evaluate sketch`; what it does is in `tasks.evaluation.sketches`."""

from pathlib import Path
from typing import Annotated

import typer

from models.threads import wait_without_spinning
from ui.cli.options import DeviceOption, JsonOption, LibraryOption, PretrainedOption, WeightsOption
from ui.cli.sketch import MaskMethod, PresetName


def _stroke_counts(text: str) -> str:
    counts = text.split(",")
    if not all(part.strip().isdigit() and 1 <= int(part) <= 64 for part in counts):
        raise typer.BadParameter("numbers from 1 to 64, with commas between: 4,8,16")
    return text


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
            help="Numbers of strokes to draw; a library's sketches show that many first strokes.",
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
        str | None, typer.Option(help="Another model, that did not draw.", show_default=False)
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
    from tasks.evaluation.sketches import SketchExamRequest, evaluate_sketches
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
    raise typer.Exit(evaluate_sketches(request, as_json=as_json))
