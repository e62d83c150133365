"""What a command in the shell takes from nothing: a process of its own for each.

    python -m benchmarks.computing.starting       ViT-B-32, random weights; two minutes

The clip is ten seconds long. "Compiled" means that the model was compiled for this processor
before, "cold" that it was not, and "in PyTorch" what searches took without that.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import add_model_options, chosen_choice, parser_for
from benchmarks.measuring.reporting import Figure, Report, benchmark

_ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """A command: the quickest of its runs. peak_mb: the most memory of it and its children."""

    command: str
    clock_s: float
    processor_s: float
    peak_mb: float


def run(
    what: str, words: Sequence[object], variables: Mapping[str, str], *, rounds: int = _ROUNDS
) -> Row:
    """Run a command several times, each in a process of its own, with more in the environment."""
    rows = []
    for _ in range(rounds):
        # A process that does nothing else tells what its child took.
        program = [sys.executable, "-m", "benchmarks.computing.starting", "--one", *map(str, words)]
        ran = subprocess.run(
            program, env={**os.environ, **variables}, stdout=subprocess.PIPE, check=True, text=True
        )
        rows.append([float(number) for number in ran.stdout.split()[-3:]])
    clock_s, processor_s, peak_mb = (min(column) for column in zip(*rows, strict=True))
    return Row(what, clock_s, processor_s, peak_mb)


def run_one(words: list[str]) -> None:
    """Run one command and print its times and memory."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "ui.cli.main", *words]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    clock_s = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(clock_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(options: argparse.Namespace, report: Report) -> None:
    """Index a clip with a cold and a warm cache, then search it."""
    from benchmarks.inputs.footage import Shot, write_clip

    choice = chosen_choice(options, usual="ViT-B-32")
    model = ["-m", choice.name, *(["--pretrained", choice.pretrained] if choice.pretrained else [])]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        cache = str(place / "models")
        clip = write_clip(place / "clip.mp4", [Shot(10.0, motion_px=2)], seed=1)
        known = {"KINODEX_MODEL_CACHE": cache}

        def index(what: str, name: str) -> Row:
            return run(what, ["index", clip, "-l", place / name, *model], known, rounds=1)

        rows = [index("index, cold", "one"), index("index, compiled", "two")]
        into = ["--out", place / "clips", "-k", "1"]
        search = ["search", "-l", place / "two", "a dog runs"]
        run("the neutral texts are encoded once", search, known, rounds=1)
        rows += [
            run("search, compiled", search, known),
            run("search, in PyTorch", search, known | {"KINODEX_ENGINE": "torch"}, rounds=2),
            run("search, a mistake in the query", [*search[:-1], "a dog +"], known),
            *(
                run(name, [name, *search[1:3]], known)
                for name in ("status", "tags", "failed", "where")
            ),
            run("export of a moment", ["export", *search[1:], *into, "--best"], known),
        ]
    report.show(f"{choice}", rows)
    took = {row.command: row for row in rows}
    report.figures(
        [
            Figure("search, compiled, s", took["search, compiled"].clock_s, "≤ 1.0"),
            Figure("the same, processor s", took["search, compiled"].processor_s, "≤ 1.2"),
            Figure(
                "a mistake in the query, s", took["search, a mistake in the query"].clock_s, "≤ 0.4"
            ),
        ]
    )


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2:])
        return
    parser = parser_for(__doc__)
    add_model_options(parser)
    with benchmark("starting", parser) as (options, report):
        measure(options, report)


if __name__ == "__main__":
    main()
