"""`kinodex ui`: starts the page's server with safe settings."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import KinodexError
from search.catalog.settings import UiSettings, read_settings
from search.catalog.store import ENVIRONMENT_VARIABLE, LibraryNotFound, Store, default_folder
from search.wording import printable
from tasks.terminal.printing import talk
from ui.web.gate.hosts import is_host_name
from ui.web.gate.tokens import Tokens
from ui.web.shared.access import ADDRESS_VARIABLE

TOKEN_VARIABLE, LOOK_TOKEN_VARIABLE = "KINODEX_UI_TOKEN", "KINODEX_UI_LOOK_TOKEN"
HOSTS_VARIABLE = "KINODEX_UI_HOSTS"


def serve(folder: Path | None, *, port: int, address: str, browser: bool, token: bool) -> int:
    """Become the page's server; where that cannot be, run it until it ends; → the exit code.

    token: whether visitors must show one

    Raises KinodexError for a damaged library, and for settings of `[ui]` that cannot be. Where
    there is no library, the page offers to make it.
    """
    try:
        with Store.open(folder) as library:  # a damaged library is said here, at once
            place = library.folder
    except LibraryNotFound:
        place = Path(folder or default_folder()).expanduser().resolve()
        talk(f"there is no library in {printable(place)} yet: the page's Library view makes one")
    settings = read_settings(place, UiSettings)
    options: dict[str, Any] = {
        "address": address,
        "port": port,
        "browser": browser,
        "hosts": _hosts(settings, os.environ),
        "connections": settings.connections,
        "ask_within_s": settings.ask_within_s,
        "is_open": not token,
    }
    # -P: modules in the folder where the user stands must not stand in for ours.
    command = [sys.executable, "-P", "-m", "ui.web.server", json.dumps(options)]
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(place), ADDRESS_VARIABLE: address}
    # Not on the command line, which everybody on this machine can read.
    environment |= _tokens(settings, os.environ, port) if token else {}
    if os.name == "posix":
        os.execve(sys.executable, command, environment)  # so that whoever stops us stops the page
    return subprocess.call(command, env=environment)


def _hosts(settings: UiSettings, environment: Mapping[str, str]) -> list[str]:
    named = environment.get(HOSTS_VARIABLE, "").replace(",", " ").split() or settings.hosts
    for host in named:
        if not is_host_name(host):
            raise KinodexError(
                f"{host!r} in 'hosts' is no name of a machine: it has no http://, port or star"
            )
    return list(named)


def _tokens(settings: UiSettings, environment: Mapping[str, str], port: int) -> dict[str, str]:
    tokens = Tokens.of(
        port,
        change=environment.get(TOKEN_VARIABLE) or settings.token,
        look=environment.get(LOOK_TOKEN_VARIABLE) or settings.look_token,
    )
    return {TOKEN_VARIABLE: tokens.change, LOOK_TOKEN_VARIABLE: tokens.look}
