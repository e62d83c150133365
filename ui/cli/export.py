"""The command `kinodex export`."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.options import (
    DeviceOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    PretrainedOption,
    WeightsOption,
)
from ui.cli.search import QueryArgument, RerankOption


def export(
    query: QueryArgument = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the clips; made if need be.")
    ] = Path("clips"),
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="How many videos. [default: 10]")
    ] = None,
    margin: Annotated[
        str, typer.Option(metavar="TIME", help="How much to keep before each moment.")
    ] = "1s",
    margin_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How much to keep after it. Default: as before it.",
            show_default=False,
        ),
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="Only the best moment of each video.")
    ] = False,
    encode: Annotated[
        bool,
        typer.Option(
            "--encode",
            help="Encode all pictures anew, so that clips begin exactly where asked. Otherwise "
            "they are copied where a keyframe lies at most a second before.",
        ),
    ] = False,
    name: Annotated[
        str, typer.Option(help="Name of each file, with {rank}, {name}, {start}, {end}, {segment}.")
    ] = "{rank:03}-{name}-{start}",
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="And a contact sheet of the moments.", show_default=False
        ),
    ] = None,
    library: LibraryOption = None,
    model: ModelOption = None,
    pretrained: PretrainedOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    rerank: RerankOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut the moments that match a query out of their videos.

    Options of 'kinodex search' stand in the query, in quotation marks: "a goal --in 2024 --k 3".
    """
    from search.catalog.store import Store
    from search.queries.options import read_length
    from tasks.export import ExportRequest, run_export
    from tasks.search import find
    from tasks.terminal.model_flags import ModelFlags
    from ui.cli.query import query_of

    asked = query_of(query, k=k)
    wanted = ExportRequest(
        folder=out,
        name=name,
        before_s=read_length(margin),
        after_s=read_length(margin_after or margin),
        encode=encode,
        best_only=best,
        sheet=sheet,
    )
    with Store.open(library) as opened:
        flags = ModelFlags(model, pretrained, weights, device)
        hits = find(opened, asked, flags, rerank=rerank)
        raise typer.Exit(run_export(opened, hits, wanted, as_json=as_json))
