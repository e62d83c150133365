"""What the shell shows: stdout is data, stderr is talk, and names are never trusted."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from search.hits import Hit, Moment

talk_console = Console(stderr=True, highlight=False)
data_console = Console(highlight=False)


def talk(message: str) -> None:
    """A line for the person at the terminal."""
    talk_console.print(Text(message), soft_wrap=True)


def data(line: str) -> None:
    """A line for whoever reads the output, never wrapped."""
    sys.stdout.write(line + "\n")


def data_text(text: str) -> None:
    """A whole file for whoever reads the output. Stray bytes of names come out as they were."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))


def data_json(values: Any) -> None:
    """One JSON line. Plain ASCII, so that names which are not valid text survive."""
    data(json.dumps(values, default=str))


def printable(path: Path | str) -> str:
    """A name with control characters and stray bytes spelled out: it cannot move the cursor."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(path)
    )


def counted(count: int, noun: str) -> str:
    """ "1 video", "3 videos"."""
    if count == 1:
        return f"{count} {noun}"
    plural = " or ".join(f"{word}s" for word in noun.split(" or "))
    return f"{count} {plural}"


def clock(seconds: float) -> str:
    """Seconds as 1:02:03.4 or 2:03.4: what people type into a player."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{tenths / 10:04.1f}" if hours else f"{minutes}:{tenths / 10:04.1f}"
    return f"{hours}:{tail}" if hours else tail


def print_hits(hits: Sequence["Hit"]) -> None:
    """A table for a terminal; tab-separated score, times, path and tags for a pipe."""
    if data_console.is_terminal:
        data_console.print(hit_table(hits))
        return
    for hit in hits:
        times = f"{hit.best_s:.2f}\t{hit.start_s:.2f}\t{hit.end_s:.2f}"
        data(f"{hit.score:.4f}\t{times}\t{printable(hit.paths[0])}\t{tag_list(hit)}")


def tag_list(moment: "Moment") -> str:
    """A moment's tags in a line: those by a person with a mark, the model's with how sure it is."""
    return ", ".join(
        f"{printable(tag.label)} {'✓' if tag.source == 'person' else f'{tag.probability:.2f}'}"
        for tag in moment.tags
    )


def hit_table(hits: Sequence["Hit"], *, title: str | None = None) -> Table:
    """Hits as a rich table, with the other moments of each video below its best one."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("score", "match", "best at", "segment"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("video", overflow="fold")
    has_tags = any(hit.tags for hit in hits)
    if has_tags:
        table.add_column("tags", overflow="fold")
    for hit in hits:
        others = ", ".join(clock(moment.best_s) for moment in hit.steps or hit.moments)
        told = f"  ({'steps' if hit.steps else 'also'} at {others})" if others else ""
        name = printable(short_path(hit.paths[0])) + told
        span = f"{clock(hit.start_s)} – {clock(hit.end_s)}"
        match = "" if hit.match is None else f"{100 * hit.match:.0f} %"
        row: list[str | Text] = [f"{hit.score:.3f}", match, clock(hit.best_s), span, Text(name)]
        table.add_row(*row, *([Text(tag_list(hit))] if has_tags else []))
    return table


def short_path(path: Path) -> str:
    """A path as seen from the working folder where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return min(relative, str(path), key=len)
