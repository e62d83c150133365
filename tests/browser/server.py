"""`kinodex ui` as a process, for as long as a test needs it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_STARTS_WITHIN_S = 60


@dataclass(frozen=True)
class Served:
    """A page that is being served, and the library it shows."""

    address: str
    port: int
    library: Path


@contextlib.contextmanager
def serving(library: Path) -> Iterator[Served]:
    """Run `kinodex ui` on a free port until the block ends."""
    port = _free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ui.cli.main", "ui", "--no-browser"),
            *("--library", str(library), "--port", str(port)),
        ],
        cwd=library.parent,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield Served(f"http://127.0.0.1:{port}", port, library)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "'kinodex ui' has ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"nothing answers at {address}")
