"""The command `kinodex search`, and the options that say what to look for."""

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.options import (
    DeviceOption,
    EngineOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    PrecisionOption,
    PretrainedOption,
    WeightsOption,
)

QueryArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="What happens in the video, in words; more with + and less with -: dog + beach - "
        "2:snow. Also ./a-picture.jpg and video.mp4@1:02.",
        show_default=False,
    ),
]
ThenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--then",
        metavar="TEXT",
        help="What happens after that, in the same video; may be given several times.",
        show_default=False,
    ),
]
WithinOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long after the end of one step the next begins at most: 15s, 2m, 1:30.",
        show_default=False,
    ),
]
ImageOption = Annotated[
    list[Path] | None,
    typer.Option("--image", "-i", help="A picture of what to look for.", show_default=False),
]
LikeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SEGMENT",
        help="A result that was right: the number that --json prints, or video.mp4@1:02.",
        show_default=False,
    ),
]
UnlikeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="SEGMENT", help="A result that was wrong.", show_default=False),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        "-t",
        help="Only moments with this tag; may be given several times. Without a text, the surest "
        "come first.",
        show_default=False,
    ),
]
TagMinOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help="How sure a tag must be, from 0 to 1. Default: as sure as for being a tag.",
        show_default=False,
    ),
]
FolderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--in",
        metavar="FOLDER",
        help="Only videos in this folder: its path, or names of folders (trips/2024); several "
        "mean any of them.",
        show_default=False,
    ),
]
AfterOption = Annotated[
    str | None,
    typer.Option(
        metavar="DAY",
        help="Only videos recorded on this day or later: 2024-05-17, 2024-05 or 2024.",
        show_default=False,
    ),
]
BeforeOption = Annotated[
    str | None,
    typer.Option(metavar="DAY", help="Only videos recorded before this day.", show_default=False),
]
MinLengthOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only videos at least so long: 90s, 2m.", show_default=False),
]
MaxLengthOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only videos at most so long.", show_default=False),
]
CountOption = Annotated[
    int | None,
    typer.Option("-k", "--k", min=1, help="How many videos. [default: 10]", show_default=False),
]
PerVideoOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many moments of each video at most. [default: 5]", show_default=False
    ),
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        help="Look again at the frames of the best segments: none, query-aware, or the file "
        "of a tightTransf head. Default: what library.toml says.",
        show_default=False,
    ),
]


def search(
    text: QueryArgument = None,
    library: LibraryOption = None,
    then: ThenOption = None,
    within: WithinOption = None,
    image: ImageOption = None,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    tagged: TagOption = None,
    tag_min: TagMinOption = None,
    folder: FolderOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    min_length: MinLengthOption = None,
    max_length: MaxLengthOption = None,
    k: CountOption = None,
    per_video: PerVideoOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    model: ModelOption = None,
    pretrained: PretrainedOption = None,
    rerank: RerankOption = None,
    as_json: JsonOption = False,
    paths_only: Annotated[
        bool, typer.Option("--paths", help="Only the paths, one a line, for other programs.")
    ] = False,
    null: Annotated[
        bool,
        typer.Option("-0", "--null", help="Only the paths, each ended by a zero byte: xargs -0."),
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="A table for spreadsheets.")] = False,
    m3u: Annotated[
        bool, typer.Option("--m3u", help="A playlist: VLC plays the moments, others the files.")
    ] = False,
    edl: Annotated[bool, typer.Option("--edl", help="An edit list (CMX 3600).")] = False,
    otio: Annotated[bool, typer.Option("--otio", help="An OpenTimelineIO timeline.")] = False,
    vtt: Annotated[bool, typer.Option("--vtt", help="Cues (WebVTT) of a video.")] = False,
) -> None:
    """Find the moments that match a query, best video first."""
    from ui.cli.query import query_of

    # A mistake in the query is answered before anything that takes its time is imported.
    query = query_of(
        text,
        then=then,
        within=within,
        image=image,
        like=like,
        unlike=unlike,
        tag=tagged,
        tag_min=tag_min,
        folder=folder,
        after=after,
        before=before,
        min_length=min_length,
        max_length=max_length,
        k=k,
        per_video=per_video,
    )
    from tasks.search import only_form, run_search
    from tasks.terminal.model_flags import ModelFlags

    flags = ModelFlags(model, pretrained, weights, device, engine, precision)
    forms = {"json": as_json, "paths": paths_only or null}
    forms |= {"csv": csv, "m3u": m3u, "edl": edl, "otio": otio, "vtt": vtt}
    form = only_form([name for name, wanted in forms.items() if wanted])
    run_search(library, query, flags, rerank=rerank, form=form, null=null)
