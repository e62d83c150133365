"""`kinodex ui` as a process, for as long as a test needs it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest

_STARTS_WITHIN_S = 60


@dataclass(frozen=True)
class Served:
    """A page that is being served, and the library it shows.

    entrance: the address that it printed, with the token; process: the number of its server
    """

    address: str
    port: int
    library: Path
    entrance: str
    process: int

    @property
    def cookie(self) -> str:
        """What lets a browser in is called so."""
        return f"kinodex-{self.port}"


# Those that are being served just now.
OPEN: list[Served] = []


@contextlib.contextmanager
def serving(
    library: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    before: Sequence[str] = (),
) -> Iterator[Served]:
    """Run `kinodex ui` on a free port until the block ends.

    environment: variables besides those of this process; folder: where it is started
    before: a command that runs the command
    """
    port = free_port()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [
                *before,
                *(sys.executable, "-m", "ui.cli.main", "ui", "--no-browser"),
                *("--library", str(library), "--port", str(port), *options),
            ],
            cwd=folder or library.parent,
            env={**os.environ, **(environment or {})},
            stderr=said,
            start_new_session=True,
        )
        try:
            entrance = _printed_address(said, process)
            running = Served(f"http://127.0.0.1:{port}", port, library, entrance, process.pid)
            OPEN.append(running)
            try:
                yield running
            finally:
                OPEN.remove(running)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def free_port() -> int:
    """One that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _printed_address(said: IO[str], process: subprocess.Popen[bytes]) -> str:
    """What a person would click, as soon as something answers there."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        said.seek(0)
        text = said.read()
        assert process.poll() is None, f"'kinodex ui' has ended: {text}"
        if found := re.search(r"^page at (\S+)$", text, re.MULTILINE):
            with contextlib.suppress(OSError), socket.create_connection(_place(found[1]), 5):
                return found[1]
        time.sleep(0.1)
    pytest.fail(f"nothing answers; it said: {said.read()}")


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 80
