"""Every model that `docs/choosing-a-model.md` names, from end to end with random weights.

    python -m benchmarks.computing.models                     all of them: an hour on two cores
    python -m benchmarks.computing.models ViT-B-32 PE-Core-B-16

Each is compiled, indexes films of four photographs, is searched by words and by a picture, tags the
films, trains a temporal head for one step and fuses the films with it, and draws them. What such a
model finds means nothing: it is shown that it runs, how fast, and how much it takes. A tokenizer
that lies on a hub only is replaced by one that is made here.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.computing.hub_tokenizer import put_tokenizer
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Report, benchmark
from tasks.demo.photographs import film, photographs

MODELS = (
    "ViT-B-32",
    "ViT-B-32-SigLIP2-256",
    "ViT-B-16-SigLIP2",
    "MobileCLIP2-S0",
    "PE-Core-T-16-384",
    "PE-Core-S-16-384",
    "PE-Core-B-16",
    "PE-Core-L-14-336",
)
_FILMS = ("cat", "coffee", "rocket", "temple")
_LABELS = "juggling\nriding a horse\nwashing dishes\n"
_GIVEN_UP_S = 1800


@dataclass(frozen=True)
class Step:
    """One command with one model. failed: its last words, or nothing"""

    model: str
    step: str
    clock_s: float
    failed: str


@dataclass(frozen=True)
class Row:
    """A model. parameters: of both towers, in millions; compiled_mb: as it lies in the cache;
    frames_per_s: encoded by itself, with what `--engine` and `--precision` are usually;
    torch_frames_per_s: the same by PyTorch in float32; hours: of video encoded in an hour
    """

    model: str
    parameters: float
    download_mb: float
    compiled_mb: float
    precision: str
    agreement: float
    frames_per_s: float
    torch_frames_per_s: float
    hours: float
    text_ms: float


def run_all(model: str, folder: Path, environment: dict[str, str]) -> list[Step]:
    """Each command in its turn, each by itself; a failure does not keep the others from it."""
    films, library = folder / "films", folder / "libraries" / model
    (folder / "labels.txt").write_text(_LABELS)
    (folder / "captions.csv").write_text(
        "path,caption,split\n"
        + "".join(f"{films / name}.mp4,a film of {name},train\n" for name in _FILMS)
    )
    library.mkdir(parents=True)
    (library / "library.toml").write_text(f'[tags]\nvocabulary = "{folder / "labels.txt"}"\n')
    named = ["--model", model, "--pretrained", "random"]
    head = folder / "heads" / model
    steps = {
        "index": ["index", films, "-l", library, *named],
        "search by words": ["search", "a cat that looks up", "-l", library, "--json"],
        "search by picture": ["search", "--image", folder / "picture.png", "-l", library, "--json"],
        "tags": ["tags", "-l", library, "--json"],
        "train a head": ["train", "retrieval", "--data", folder / "captions.csv", "--out", head,
                         "--head", "seqTransf", "--steps", "1", "--batch-size", "2",
                         "--validation-videos", "1", *named],
        "fuse": ["fuse", "--head", head / "head.safetensors", "-l", library],
        "search in order": ["search", "a cat", "--then", "a cup", "-l", library, "--json"],
        "sketch": ["sketch", "-l", library],
    }  # fmt: skip
    return [_step(model, name, arguments, environment) for name, arguments in steps.items()]


def _step(model: str, name: str, arguments: list[object], environment: dict[str, str]) -> Step:
    began_s = perf_counter()
    command = [sys.executable, "-m", "ui.cli.main", *map(str, arguments)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_GIVEN_UP_S, check=False
    )
    failed = ended.stderr.strip().splitlines()[-1:] if ended.returncode else []
    took = Step(model, name, perf_counter() - began_s, "".join(failed))
    print(f"{model}: {name}, {took.clock_s:.1f} s {took.failed}", flush=True)
    return took


def measured(model: str, environment: dict[str, str]) -> Row:
    """What `kinodex models check` says of speed, and the size of what lies in the cache."""
    named = ["models", "check", model, "--pretrained", "random", "--json"]
    told = _json(named, environment)
    in_torch = _json([*named, "--engine", "torch"], environment)
    rows = [json.loads(line) for line in _output(["models", "--json"], environment).splitlines()]
    [kept] = [row for row in rows if row["model"] == told["model"] and row["precision"]]
    parameters = _parameters(model)
    return Row(
        model,
        parameters / 1e6,
        parameters * 4 / 1e6,
        kept["size_bytes"] / 1e6,
        told["precision"],
        told["agreement"],
        told["frames_per_s"],
        in_torch["frames_per_s"],
        told["hours_an_hour"],
        told["text_ms"],
    )


def _json(arguments: list[str], environment: dict[str, str]) -> dict:
    return json.loads(_output(arguments, environment))


def _output(arguments: list[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "ui.cli.main", *arguments]
    # A model of random weights cannot be trusted, which is exit code 1.
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=False
    ).stdout


def _parameters(model: str) -> int:
    import open_clip
    import torch

    with torch.device("meta"):
        made = open_clip.create_model(model, pretrained=None, pretrained_text=False, device="meta")
    return sum(one.numel() for one in made.parameters())


def measure(options: argparse.Namespace, report: Report) -> None:
    """Run and measure each model, and show what it took."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "films").mkdir()
        for one in _FILMS:
            film(photographs()[one], folder / "films" / f"{one}.mp4")
        Image.fromarray(photographs()["cat"]).save(folder / "picture.png")
        environment = os.environ | {
            "KINODEX_MODEL_CACHE": str(folder / "compiled"),
            "HF_HUB_CACHE": str(folder / "hub"),
        }
        put_tokenizer(folder / "hub", options.models)
        steps, rows = [], []
        for model in options.models:
            steps += run_all(model, folder, environment)
            rows.append(measured(model, environment))
        report.show("Each command with each model", steps)
        report.show("The models", rows)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), help="open_clip names (all)")
    with benchmark("models", parser) as (options, report):
        measure(options, report)


if __name__ == "__main__":
    main()
