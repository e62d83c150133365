"""How all benchmarks speak: tables on stdout, the same as JSON, and how busy the machine was."""

import argparse
import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.measuring.timing import OtherPrograms

_RESULTS = Path(__file__).parents[1] / "results"
_LIBRARIES = ("torch", "open_clip_torch", "faiss-gpu", "faiss-cpu", "decord2", "av", "sqlalchemy")


@dataclass(frozen=True)
class Figure:
    """One of the figures that a benchmark exists for, and what it should be."""

    figure: str
    value: float
    target: str = ""


class Report:
    """The tables of one run of a benchmark. Make it before the work begins."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._load_before = _load()
        self._others = OtherPrograms()

    def show(self, title: str, rows: Sequence[Any]) -> None:
        """Print dataclasses of one kind as a table, and keep them for the file."""
        print(f"\n{title}\n\n{table(rows)}", flush=True)
        self.keep(title, rows)

    def figures(self, figures: Iterable[Figure]) -> None:
        """Show what the benchmark exists for."""
        self.show("Figures", list(figures))

    def keep(self, title: str, rows: Sequence[Any]) -> None:
        """Put rows into the file that nobody would read as a table."""
        self._tables[title] = [asdict(row) for row in rows]

    def finish(self, out: Path | None) -> None:
        """Say how busy the machine was; write everything to `out`, or to the results folder."""
        machine = self._machine()
        others = machine["cores_used_by_others"]
        busy = "unknown" if others is None else f"{others:.2f}"
        print(f"\n{machine['cores']} cores; other programs used meanwhile: {busy}")
        path = out or _RESULTS / f"{self._name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        contents = {"benchmark": self._name, "machine": machine, "tables": self._tables}
        path.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")

    def _machine(self) -> dict[str, Any]:
        return {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "cores_used_by_others": self._others.cores(),
            "load_before": self._load_before,
            "load_after": _load(),
            "python": platform.python_version(),
            "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
        }


@contextmanager
def benchmark(
    name: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[argparse.Namespace, Report]]:
    """The options of a run and its report, which is finished where the block ends well."""
    options, report = parser.parse_args(), Report(name)
    yield options, report
    report.finish(options.out)


def table(rows: Sequence[Any]) -> str:
    """Dataclasses of one kind as aligned columns under their field names; None is a dash.

    Of none there is nothing to name: footage may lack what a table is about.
    """
    if not rows:
        return "(none)"
    records = [asdict(row) for row in rows]
    lines = [list(records[0])] + [[_cell(value) for value in row.values()] for row in records]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    worded = [isinstance(value, str) for value in records[0].values()]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if words else cell.rjust(width)
            for cell, width, words in zip(line, widths, worded, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if 0.99 <= value < 1:
        # What counts in a cosine or a share is how far it is from one. Float32 knows 7 digits.
        return f"{value:.{min(7, 1 - math.floor(math.log10(1 - value)))}f}"
    # Four digits: none of these measurements knows more.
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
