"""Crafted files of weights, given to every command that takes weights.

    python -m benchmarks.reliability.weights               every file, a few minutes

Pickles with code in them, archives that unpack to gigabytes, headers that lie about lengths and
shapes, heads that describe themselves as larger than any memory, numbers that are none: each must
be refused in one sentence, without a traceback, soon, without much memory, and without running
what is in it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.reliability.cases import Case, Cases
from benchmarks.reliability.crafted import OWNED, Crafted, all_crafted, different
from benchmarks.reliability.warm import Ended, WarmProcess

_LONGEST_S = 60.0
_MOST_BYTES = 1_500_000_000  # beside what every command needs


@dataclass(frozen=True)
class Row:
    """The crafted files of one kind, and how many were not refused as they should be."""

    given_as: str
    files: int
    problems: int


def commands(crafted: Crafted, file: Path, case: Case) -> Iterator[list[object]]:
    """What a person types to use such a file."""
    library = ["-l", case.library]
    match crafted.kind:
        case "model" | "safe model":
            new = ["-l", case.folder / "new"]
            yield ["index", case.arrivals, "-m", "bundled", "--weights", file, *new]
        case "published":
            out = ["--out", case.folder / "out"]
            yield ["import", "clip4clip", file, *out]
            yield ["import", "actionclip", file, "--labels", case.labels, *out]
        case "head":
            yield ["fuse", "--head", file, *library]
            yield ["search", "a dog", "--rerank", file, *library]
        case "action head":
            yield ["tag", "--head", file, *library]


def problems(crafted: Crafted, warm: WarmProcess, case: Case) -> list[str]:
    """What is wrong with how a file was refused, in sentences."""
    folder = case.folder / "crafted"
    folder.mkdir(exist_ok=True)
    file = folder / f"weights{crafted.suffix}"
    crafted.write(file)
    found = []
    for command in commands(crafted, file, case):
        ended = warm.run(command, longest_s=_LONGEST_S)
        found += [f"{command[0]}: {one}" for one in _badly_refused(ended)]
        if (folder / OWNED).exists() or (case.folder / "climbed").exists():
            found.append(f"{command[0]}: what is in it was run")
    file.unlink()
    return found


def _badly_refused(ended: Ended) -> Iterator[str]:
    lines = [line for line in ended.said.splitlines() if line.strip()]
    if ended.hung:
        yield "it hangs"
    elif ended.code not in (1, 2):
        yield f"it ends with {ended.code}: {ended.said[-600:]}"
    elif "Traceback" in ended.said:
        yield f"a traceback: {ended.said[-1500:]}"
    elif not lines or not lines[-1].startswith("kinodex: "):
        yield f"no sentence at the end: {ended.said[-600:]}"
    if "\x1b" in ended.said:
        yield "what is in it reaches the terminal"
    if ended.added_bytes > _MOST_BYTES:
        yield f"it takes {ended.added_bytes / 1e6:.0f} MB"


def main() -> None:
    """Give each to the commands, and say what was not refused well."""
    with (
        benchmark("weights", parser_for(__doc__)) as (_, report),
        tempfile.TemporaryDirectory() as folder,
        WarmProcess(Path(folder)) as warm,
    ):
        case = Cases(Path(folder), warm).restore(indexed=True)
        found: dict[Crafted, list[str]] = {}
        for crafted in all_crafted():
            found[crafted] = problems(crafted, warm, case)
            for one in found[crafted]:
                print(f"{crafted.kind}, {crafted.name}: {one}", flush=True)
        kinds = dict.fromkeys(crafted.kind for crafted in found)
        rows = {kind: [wrong for one, wrong in found.items() if one.kind == kind] for kind in kinds}
        report.show(
            "Crafted weights",
            [Row(kind, len(wrong), sum(map(bool, wrong))) for kind, wrong in rows.items()],
        )
        report.figures(
            [
                Figure("different files", different(), "≥ 70"),
                Figure("refusals", len(found)),
                Figure("not refused in a sentence", sum(map(bool, found.values())), "0"),
            ]
        )


if __name__ == "__main__":
    main()
