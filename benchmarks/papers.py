"""The published recipes of CLIP4Clip and ActionCLIP, for somebody who has their data and weights.

    python -m benchmarks.papers --data FOLDER [--only msrvtt-seqTransf …] [--out FILE]
    python -m benchmarks.papers --data FOLDER --stand-in      tiny data, the bundled model, minutes

FOLDER holds `msrvtt/` (MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_JSFUSION_test.csv, `videos/`)
and `kinetics/` (val.csv, `videos/`); a recipe whose data is not there is left out. Each runs the
commands that are printed, which can be run by hand and in parts: training goes on where it stopped.
With --stand-in the data is made in FOLDER, in the same forms and from the small world, and figures
beside published ones mean nothing: that shows that every step runs, from list to table.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inputs.published_forms import write_kinetics, write_msrvtt
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import benchmark
from models.identity import BUNDLED

_PROGRAM = [sys.executable, "-m", "ui.cli.main"]
# CLIP4Clip, section 4 (ViT-B/32: five epochs, batches of 128, 12 frames a video, one a second). The
# rates are ours for float32 weights: the published 1e-7 belongs to weights in float16.
_PUBLISHED = ("--epochs", "5", "--batch-size", "128", "--frames", "12", "--backbone-rate", "1e-5")
_IN_SHORT = ("--steps", "4", "--batch-size", "8", "--frames", "4", "--validate-every", "2")
_CLIPS = {"training": 12, "validation": 4, "test": 6}


@dataclass(frozen=True)
class Recipe:
    """What is run, and what was published.

    data: the folder that it needs
    head: what is trained; None for the model as it is
    published: percent by the name of a figure; source: who printed it
    """

    name: str
    data: str
    head: str | None
    published: Mapping[str, float]
    source: str


RECIPES = (
    Recipe(
        "msrvtt-zero-shot",
        "msrvtt",
        None,
        {"R@1": 31.2, "R@5": 53.7, "R@10": 64.2},
        "CLIP with the mean of its frames, as MDMMT (arXiv 2103.10699) prints it",
    ),
    Recipe(
        "msrvtt-meanP",
        "msrvtt",
        "meanP",
        {"R@1": 43.1, "R@5": 70.4, "R@10": 80.8},
        "CLIP4Clip (arXiv 2104.08860), ViT-B/32, 9,000 videos",
    ),
    Recipe(
        "msrvtt-seqTransf",
        "msrvtt",
        "seqTransf",
        {"R@1": 44.5, "R@5": 71.4, "R@10": 81.6},
        "CLIP4Clip (arXiv 2104.08860), ViT-B/32, 9,000 videos",
    ),
    Recipe("kinetics-zero-shot", "kinetics", None, {}, "no figure that we have read"),
)


@dataclass(frozen=True)
class Row:
    """A figure of ours beside the published one, in percent."""

    recipe: str
    figure: str
    ours: float
    published: float | None
    source: str


@dataclass(frozen=True)
class Setting:
    """Where data and runs are, and the model.

    training: options of `kinodex train retrieval`
    """

    data: Path
    model: Sequence[str]
    training: Sequence[str]

    def rows(self, recipe: Recipe) -> list[Row]:
        """Run a recipe to its end. Raises CalledProcessError; why is on the terminal."""
        figures = self._actions() if recipe.data == "kinetics" else self._retrieval(recipe)
        return [
            Row(recipe.name, name, ours, recipe.published.get(name), recipe.source)
            for name, ours in figures.items()
        ]

    def _actions(self) -> dict[str, float]:
        data = ["--data", f"kinetics:{self.data / 'kinetics'}", "--split", "val"]
        [told] = self._asked("evaluate", "actions", *data, *self._videos("kinetics"), *self.model)
        averaged = told["by_average"]["probabilities"]
        return {"top-1": averaged["top1"], "top-5": averaged["top5"]}

    def _retrieval(self, recipe: Recipe) -> dict[str, float]:
        data = ["--data", f"msrvtt-9k:{self.data / 'msrvtt'}", *self._videos("msrvtt")]
        trained = []
        if recipe.head is not None:
            run = self.data / "runs" / recipe.name
            how = ["--head", recipe.head, "--tune", "all", "--out", str(run)]
            self._asked("train", "retrieval", *data, *self.model, *how, *self.training)
            trained = ["--weights", str(run / "backbone.safetensors")]
            trained += ["--head", str(run / "head.safetensors")]
        model = self.model if not trained else [*self.model[:2], *trained]
        told = self._asked("evaluate", "retrieval", *data, *model)
        [plain] = [one for one in told if one["direction"] == "text → video"]
        return {"R@1": plain["r1"], "R@5": plain["r5"], "R@10": plain["r10"]}

    def _videos(self, data: str) -> list[str]:
        return ["--videos", str(self.data / data / "videos")]

    @staticmethod
    def _asked(*words: str) -> list[dict[str, Any]]:
        """What a command answers, line by line."""
        print(f"$ kinodex {shlex.join(words)}", flush=True)
        ran = subprocess.run(
            [*_PROGRAM, *words, "--json"], stdout=subprocess.PIPE, check=True, text=True
        )
        return [json.loads(line) for line in ran.stdout.splitlines()]


def stand_in(folder: Path) -> Setting:
    """Tiny data in the folder, and the bundled model for a few steps."""
    for name, write in (
        ("msrvtt", lambda place: write_msrvtt(place, **_CLIPS)),
        ("kinetics", lambda place: write_kinetics(place, clips=_CLIPS["test"])),
    ):
        if not (folder / name).exists():
            write(folder / name)
    return Setting(folder, ("--model", BUNDLED), _IN_SHORT)


def chosen(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[Recipe]:
    """The recipes that were asked for and whose data is there; the others are told."""
    wanted = [one for one in RECIPES if not options.only or one.name in options.only]
    found = [one for one in wanted if (options.data / one.data).is_dir()]
    for one in wanted:
        if one not in found:
            print(f"{one.name} is left out: there is no folder {str(options.data / one.data)!r}")
    if not found:
        parser.error("there is no data for any recipe: see --help for what belongs into --data")
    return found


def main() -> None:
    """Run the recipes, and print their figures beside the published ones."""
    parser = parser_for(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in RECIPES], default=[])
    parser.add_argument("--stand-in", action="store_true", help="make tiny data, and run in short")
    parser.add_argument("--model", default="ViT-B-32-quickgelu", help="an open_clip model")
    parser.add_argument("--pretrained", default="openai", help="the tag of its weights")
    with benchmark("papers", parser) as (options, report):
        model = ("--model", options.model, "--pretrained", options.pretrained)
        full = Setting(options.data, model, _PUBLISHED)
        setting = stand_in(options.data) if options.stand_in else full
        rows = [row for recipe in chosen(parser, options) for row in setting.rows(recipe)]
        report.show("Recipes", rows)


if __name__ == "__main__":
    main()
