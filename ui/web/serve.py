"""`kinodex ui`: starts the page's server with safe settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

from search.catalog.store import ENVIRONMENT_VARIABLE, LibraryNotFound, Store, default_folder
from search.wording import printable
from tasks.terminal.printing import talk
from ui.web.shared.access import ADDRESS_VARIABLE, is_loopback

# Streamlit keeps what its own file box is given in memory: pictures to search for, no videos.
_PICTURE_LIMIT_MB = 20


def serve(folder: Path | None, *, port: int, address: str, browser: bool) -> int:
    """Become the page's server; where that cannot be, run it until it ends; → the exit code.

    Raises CatalogError for a damaged library. Where there is none, the page offers to make it.
    """
    try:
        with Store.open(folder) as library:  # a damaged library is said here, at once
            place = library.folder
    except LibraryNotFound:
        place = Path(folder or default_folder()).expanduser().resolve()
        talk(f"there is no library in {printable(place)} yet: the page's Library view makes one")
    if not is_loopback(address):
        talk(f"anyone who reaches {address} can search and watch this library's videos")
    talk(f"page at http://{address}:{port}, Ctrl-C stops it")
    options = {
        "server.address": address,
        "server.port": port,
        "server.headless": True,  # the server opens the browser itself
        "server.fileWatcherType": "none",
        "server.maxUploadSize": _PICTURE_LIMIT_MB,
        "browser.gatherUsageStats": False,  # no network but the one model download
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
    }
    # -P: modules in the folder where the user stands must not stand in for ours.
    command = [sys.executable, "-P", "-m", "ui.web.server"]
    command.append(json.dumps({"options": options, "browser": browser}))
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(place), ADDRESS_VARIABLE: address}
    if os.name == "posix":
        os.execve(sys.executable, command, environment)  # so that whoever stops us stops the page
    return subprocess.call(command, env=environment)
