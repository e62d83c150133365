"""The commands `kinodex tag` and `kinodex tags`."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.options import (
    DeviceOption,
    EngineOption,
    JsonOption,
    LibraryOption,
    OtherTextTowerOption,
    PrecisionOption,
    PretrainedOption,
    SameModelOption,
)


def tag(
    vocabulary: Annotated[
        str | None,
        typer.Option(
            help="The labels: kinetics-400, ucf-101, hmdb-51, imagenet-1k, small-world, or a text "
            "file with one a line. Default: what library.toml says, else the library's own.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="What fuses a segment's frames: MeanP, or the file of a trained action head. "
            "Default: what library.toml says, else the library's own.",
            show_default=False,
        ),
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(
            help="Text file of the sentences that labels are put into, one a line with {} for "
            "the label; or 'sixteen', ours in English. Default: the library's own, else the "
            "sixteen, or three of them for a model that reads slowly.",
            show_default=False,
        ),
    ] = None,
    min_probability: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.999,
            help="A label holds from this probability on. Default: what library.toml says.",
            show_default=False,
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="The most tags a segment gets. Default: what library.toml says.",
            show_default=False,
        ),
    ] = None,
    correct: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="SEGMENT LABEL",
            help="Say that a label holds. SEGMENT is a number that 'search --json' prints, or "
            "video.mp4@1:02.",
            show_default=False,
        ),
    ] = None,
    wrong: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="SEGMENT LABEL", help="Say that a label does not hold.", show_default=False
        ),
    ] = None,
    forget: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="SEGMENT LABEL", help="Take back what you said of a label.", show_default=False
        ),
    ] = None,
    weights: OtherTextTowerOption = None,
    model: SameModelOption = None,
    pretrained: PretrainedOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what happens in every segment, in labels. No video is read."""
    said = {"correct": correct, "wrong": wrong, "forget": forget}
    words = {what: word for what, word in said.items() if word is not None}
    if len(words) > 1:
        raise typer.BadParameter("give only one of --correct, --wrong and --forget")
    if words:
        from tasks.tag import run_correction

        [(what, (segment, label))] = words.items()
        run_correction(library, what, segment, label, as_json=as_json)
        return
    from search.tags.planning import TagRequest
    from tasks.tag import run_tag
    from tasks.terminal.model_flags import ModelFlags

    request = TagRequest(vocabulary, head, templates, min_probability, most)
    flags = ModelFlags(model, pretrained, weights, device, engine, precision)
    raise typer.Exit(run_tag(library, request, flags, as_json=as_json))


def tags(
    segment: Annotated[
        str | None,
        typer.Argument(
            help="Explain the tags of one segment: a number that 'search --json' prints, or "
            "video.mp4@1:02.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    every: Annotated[bool, typer.Option("--all", help="Labels that hold nowhere, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the labels that hold somewhere, or explain the tags of one segment."""
    from tasks.tags import print_explanation, print_tags

    if segment is None:
        print_tags(library, every=every, as_json=as_json)
    else:
        print_explanation(library, segment, as_json=as_json)
