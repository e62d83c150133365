"""Options that several commands have. Free of torch, so that --help answers at once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Slice(StrEnum):
    """Where frames are taken where a video has more than are wanted."""

    UNIFORM = "uniform"
    HEAD = "head"
    TAIL = "tail"


class Count(StrEnum):
    """What a second of a video is."""

    TIME = "time"
    FRAMES = "frames"


class FrameOrder(StrEnum):
    """How the frames of a video follow each other."""

    FORWARD = "forward"
    REVERSE = "reverse"
    RANDOM = "random"


class Crop(StrEnum):
    """What of a frame a model of actions is shown."""

    WHOLE = "whole"
    CENTRE = "centre"


LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        "-l",
        envvar="KINODEX_LIBRARY",
        help="Folder of the library. Default: 'kinodex' in your data folder ('kinodex where').",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        envvar="KINODEX_MODEL",
        help="'fast', 'good', 'best', 'imagenet', 'bundled', an open_clip model name, "
        "'hf-hub:ORG/REPO', or a folder that 'kinodex distil' made. "
        "Default: the library's own; for a new library one that suits this machine.",
        show_default=False,
    ),
]
EvaluatedModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        envvar="KINODEX_MODEL",
        help="'fast', 'good', 'best', 'imagenet', 'bundled', an open_clip model name, or "
        "'hf-hub:ORG/REPO'. "
        "Default: one that suits this machine.",
        show_default=False,
    ),
]
PretrainedOption = Annotated[
    str | None,
    typer.Option(help="Tag of the model's weights, as open_clip lists them.", show_default=False),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="Local weight file for the model (.safetensors, .pt).", show_default=False),
]
SameModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="The library's model again: back to its own text tower after --weights.",
        show_default=False,
    ),
]
OtherTextTowerOption = Annotated[
    Path | None,
    typer.Option(
        help="Weights of the same model with another text tower, as training saves them.",
        show_default=False,
    ),
]
HeadOption = Annotated[
    str | None,
    typer.Option(
        help="What makes one embedding of a segment's frames: meanP, or the file of a trained "
        "head. Default: the library's own; for a new library the one that suits the model.",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="cpu, cuda or mps. Default: the best one present.", show_default=False),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        envvar="KINODEX_ENGINE",
        help="What computes on a CPU: openvino, torch, or auto (openvino where it is installed).",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        envvar="KINODEX_PRECISION",
        help="What openvino encodes pictures in: float32, bfloat16, auto (bfloat16 where the "
        "processor has it and it pays), or, with index, int8: by a tower that the library's own "
        "frames make.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]
DataOption = Annotated[
    str,
    typer.Option(
        help="A .csv or .jsonl of (path, caption[, start, end, split]), or NAME:FOLDER with the "
        "annotation files of msrvtt-9k, msrvtt-7k, msvd, lsmdc, activitynet or didemo."
    ),
]
ACTION_DATA_HELP = (
    "A .csv or .jsonl of (path, label[;label ...][, start, end, split]), or NAME:FOLDER "
    "with the annotation files of kinetics, ucf101, hmdb51, ssv2, charades or "
    "charades-moments."
)
ActionDataOption = Annotated[str, typer.Option("--data", help=ACTION_DATA_HELP)]
TemplatesOption = Annotated[
    Path | None,
    typer.Option(
        help="Text file of sentences to put the labels into, one a line, with {} for the label. "
        "Default: sixteen English ones.",
        show_default=False,
    ),
]
CropOption = Annotated[
    Crop | None,
    typer.Option(
        help="What is seen of each frame. whole: as much as the model takes in. centre: the "
        "middle 7/8, as ActionCLIP is measured. Default: as the head was trained, else whole.",
        show_default=False,
    ),
]
CountOption = Annotated[
    Count | None,
    typer.Option(
        "--count",
        help="What a second is: by time, or as many frames as the file's rate says without what "
        "is behind the point (29 of 29.97), as CLIP4Clip counts. Default: frames for published "
        "data sets, else time.",
        show_default=False,
    ),
]
FrameOrderOption = Annotated[
    FrameOrder,
    typer.Option(help="In which order the model sees the frames: what does it make of time?"),
]
MaxWordsOption = Annotated[
    int | None,
    typer.Option(
        min=3,
        help="Tokens of a caption that are read, its beginning and end among them; papers: 32, "
        "and 64 for paragraphs. Default: as many as the model can read.",
        show_default=False,
    ),
]
VideosOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the videos. Default: that of the annotations.", show_default=False
    ),
]
SplitOption = Annotated[str, typer.Option(help="train, val or test, or several joined by '+'.")]
FrameCacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Folder of frames that are ready to use. Default: 'kinodex/frames' in your cache "
        "folder.",
        show_default=False,
    ),
]
