"""A demo library, and the program's page over a library, each by the command that users type."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.processes import resident_bytes, with_descendants
from ui.web.serve import TOKEN_VARIABLE

# Without them Chromium does not start everywhere, or asks the network for what nobody measures.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_STARTS_WITHIN_S = 120.0
_KINODEX = [sys.executable, "-m", "ui.cli.main"]
_MB = 1e6


@dataclass(frozen=True)
class Server:
    """A page being served. `entrance` is its address with the token, which lets a browser in."""

    address: str
    entrance: str
    process: int

    def memory_mb(self) -> float:
        """Resident memory of the server and its children."""
        return sum(map(resident_bytes, with_descendants(self.process))) / _MB


def make_demo(folder: Path) -> Path:
    """Make the demo in `folder`; → its library."""
    command = [*_KINODEX, "demo", "--folder", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "library"


@contextlib.contextmanager
def serving(library: Path) -> Iterator[Server]:
    """Run `kinodex ui` on a library until the block ends. Raises RuntimeError if it is silent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    token = secrets.token_urlsafe(32)
    process = subprocess.Popen(
        [*_KINODEX, "ui", "--no-browser", "--library", str(library), "--port", str(port)],
        env={**os.environ, TOKEN_VARIABLE: token},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/health", process)
        yield Server(address, f"{address}/?token={token}", process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {address}")
