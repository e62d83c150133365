"""What processes have in memory, and work that is done in a process of its own."""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def in_own_process(work: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """What `work` sends, from a fresh process, to the connection that is its last argument.

    Receiving raises EOFError if the process has failed; it has said why.
    """
    context = multiprocessing.get_context("spawn")
    messages, childs_end = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(*arguments, childs_end))
    process.start()
    childs_end.close()
    yield messages
    process.join()


def with_descendants(process_id: int) -> list[int]:
    """A process and all that descend from it, as Linux tells it."""
    found = [process_id]
    for one in found:
        for file in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, _text_of(file).split())
    return found


def resident_bytes(process_id: int) -> int:
    """How much memory a process has in use; 0 for one that has ended."""
    pages = _text_of(Path(f"/proc/{process_id}/statm")).split()[1:2]
    return int(pages[0]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:  # the process has just ended
        return ""
