"""What the shell shows: stdout is data, stderr is talk, and names are never trusted."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from search.wording import clock, is_control, one_line, printable, short_path

if TYPE_CHECKING:
    from search.finding.hits import Hit, Moment

talk_console = Console(stderr=True, highlight=False)
data_console = Console(highlight=False)


def talk(message: str) -> None:
    """A line for the person at the terminal."""
    talk_console.print(Text(message), soft_wrap=True)


def data(line: str) -> None:
    """A line for whoever reads the output, never wrapped."""
    sys.stdout.write(line + "\n")


def data_path(path: Path | str, *, end: str = "\n") -> None:
    """A path for whoever reads the output, byte for byte; only a terminal is spared its tricks."""
    sys.stdout.write((printable(path) if data_console.is_terminal else str(path)) + end)


def data_line(path: str) -> None:
    """A path in a line of its own: as it is, but spelled out where control characters are in it."""
    data(printable(path) if any(map(is_control, path)) else path)


def field(name: Path | str) -> str:
    """A name in a tab-separated line: as it is, but for tabs and line breaks.

    On a terminal nothing is left in it that could move the cursor.
    """
    return printable(name) if data_console.is_terminal else one_line(str(name))


def data_text(text: str) -> None:
    """A whole file for whoever reads the output, in UTF-8; stray bytes of names are kept."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))


def data_json(values: Any) -> None:
    """One JSON line. Plain ASCII, so that names which are not valid text survive."""
    data(json.dumps(values, default=str))


def plain_table(title: str | Text | None = None, *, with_headings: bool = True) -> Table:
    """A table without frames that begins at the edge, as all other lines do."""
    return Table(
        title=title, title_justify="left", show_header=with_headings, box=None, pad_edge=False
    )


def table_of(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    names: int = 1,
    title: str = "",
    wraps: bool = False,
) -> Table:
    """A table whose first columns hold names, from the left, and all others numbers."""
    table = plain_table(Text(title))
    for number, heading in enumerate(headings):
        justify: Literal["left", "right"] = "left" if number < names else "right"
        table.add_column(heading, justify=justify, no_wrap=not wraps)
    for row in rows:
        table.add_row(*row)
    return table


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1) -> None:
    """A table for a terminal; tab-separated lines without headings for a pipe."""
    if data_console.is_terminal:
        data_console.print(table_of(headings, rows, names=names, wraps=True))
        return
    for row in rows:
        data("\t".join(row))


def print_hits(hits: Sequence["Hit"]) -> None:
    """A table for a terminal; tab-separated score, times, path and tags for a pipe."""
    if data_console.is_terminal:
        data_console.print(hit_table(hits))
        return
    for hit in hits:
        times = f"{hit.best_s:.2f}\t{hit.start_s:.2f}\t{hit.end_s:.2f}"
        data(f"{hit.score:.4f}\t{times}\t{field(hit.paths[0])}\t{tag_list(hit)}")


def tag_list(moment: "Moment") -> str:
    """A moment's tags in a line: those by a person with a mark, the model's with how sure it is."""
    return ", ".join(
        f"{printable(tag.label)} {'✓' if tag.source == 'person' else f'{tag.probability:.2f}'}"
        for tag in moment.tags
    )


def hit_table(hits: Sequence["Hit"], *, title: str | None = None) -> Table:
    """Hits as a rich table, with the other moments of each video below its best one."""
    table = plain_table(title)
    for heading in ("score", "match", "best at", "segment"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("video", overflow="fold")
    has_tags = any(hit.tags for hit in hits)
    if has_tags:
        table.add_column("tags", overflow="fold")
    for hit in hits:
        others = ", ".join(clock(moment.best_s) for moment in hit.steps or hit.moments)
        also = f"  ({'steps' if hit.steps else 'also'} at {others})" if others else ""
        name = printable(short_path(hit.paths[0])) + also
        span = f"{clock(hit.start_s)} – {clock(hit.end_s)}"
        match = "" if hit.match is None else f"{100 * hit.match:.0f} %"
        row: list[str | Text] = [f"{hit.score:.3f}", match, clock(hit.best_s), span, Text(name)]
        table.add_row(*row, *([Text(tag_list(hit))] if has_tags else []))
    return table
