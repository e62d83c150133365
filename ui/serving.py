"""`kinodex ui`: starts the page's server with safe settings."""

import ipaddress
import os
import subprocess
import sys
from pathlib import Path

from search.library import ENVIRONMENT_VARIABLE, Library
from ui.printing import talk

_APP = Path(__file__).parent / "app.py"


def serve(folder: Path | None, *, port: int, address: str, browser: bool) -> int:
    """Become the page's server; where that cannot be, run it until it ends; → the exit code."""
    with Library.open(folder) as library:  # a missing or damaged library is said here, at once
        place = library.folder
    if not _is_loopback(address):
        talk(f"anyone who reaches {address} can search and watch this library's videos")
    talk(f"page at http://{address}:{port}, Ctrl-C stops it")
    # -P: modules in the folder where the user stands must not stand in for ours.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(_APP)]
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",  # no network but the one model download
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
    }
    for name, value in options.items():
        command += [f"--{name}", value]
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(place)}
    if os.name == "posix":
        os.execve(sys.executable, command, environment)  # so that whoever stops us stops the page
    return subprocess.call(command, env=environment)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
