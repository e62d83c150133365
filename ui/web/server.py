"""The page's server: Streamlit's, behind a gate, with addresses more for uploads and for clips.

Run by `kinodex ui`, with its options as one JSON object, and the tokens in the environment.
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn

from models.errors import KinodexError
from search.wording import printable
from tasks.terminal.printing import talk
from ui.web.gate import streamlit_options, visitors
from ui.web.gate.connections import Server, most_connections
from ui.web.gate.entrance import open_browser
from ui.web.gate.hosts import KnownHosts, in_address, is_everywhere, is_loopback
from ui.web.gate.layer import Gate
from ui.web.gate.tokens import Tokens
from ui.web.search import picture_route
from ui.web.serve import HOSTS_VARIABLE, LOOK_TOKEN_VARIABLE, TOKEN_VARIABLE
from ui.web.shared import clip_route
from ui.web.shared.access import library_folder, ui_settings
from ui.web.shared.view_paths import PATHS
from ui.web.uploads import route as upload_route

_SCRIPT = Path(__file__).parent / "app.py"
# What one message from a browser may hold: a list of labels or a drawing at most.
_LONGEST_MESSAGE_BYTES = 16_000_000
_GOODBYE_WITHIN_S = 3


def run(options: dict[str, Any], tokens: Tokens | None) -> None:
    """Serve the page until the process is told to end. Raises KinodexError where it cannot listen.

    options: address, port, browser, hosts, connections, ask_within_s, as `kinodex ui` gives them
    tokens: what visitors must show; None for nothing
    """
    address, port = options["address"], options["port"]
    streamlit_options.settle(address, port)
    visitors.ask_for(tokens)
    ways_in = _ways_in(address, port, tokens)

    @contextlib.asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        with open_browser(ways_in[0]) if options["browser"] else contextlib.nullcontext():
            yield

    routes = [upload_route.route(), picture_route.route(), clip_route.route()]
    gate = Gate(
        st.App(_SCRIPT, routes=routes, lifespan=lifespan),
        KnownHosts.of(address, options["hosts"]),
        tokens,
        pages=PATHS,
        own={
            upload_route.PATH: ("PUT",),
            picture_route.PATH: ("PUT",),
            f"{clip_route.PATH}/": ("GET", "HEAD"),
        },
    )
    config = uvicorn.Config(
        gate,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_LONGEST_MESSAGE_BYTES,
        log_level="error",
        access_log=False,
        server_header=False,
        use_colors=False,
        timeout_graceful_shutdown=_GOODBYE_WITHIN_S,
    )
    most = most_connections(options["connections"])
    server = Server(config, most=most, ask_within_s=options["ask_within_s"])
    with _listening(address, port) as listener, contextlib.suppress(KeyboardInterrupt):
        _tell(address, ways_in, tokens)
        server.run(sockets=[listener])


@contextlib.contextmanager
def _listening(address: str, port: int) -> Iterator[socket.socket]:
    """A socket that is bound, and does not listen yet."""
    try:
        family, _, _, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise KinodexError(f"{printable(address)!r} is no address of this machine") from error
    with listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_everywhere(address))
        try:
            listener.bind(place)
        except OSError as error:
            raise KinodexError(
                f"nothing can listen at {printable(address)}, port {port}: {error.strerror}. "
                "Is the page open already? --port names another one"
            ) from error
        yield listener


def _ways_in(address: str, port: int, tokens: Tokens | None) -> list[str]:
    """Addresses to open: with all rights, and, where there are tokens, for looking only."""
    host = "localhost" if is_everywhere(address) else in_address(address)
    page = f"http://{host}:{port}/"
    return [f"{page}?token={one}" for one in (tokens.change, tokens.look)] if tokens else [page]


def _tell(address: str, ways_in: list[str], tokens: Tokens | None) -> None:
    """Say where the page is. Addresses stand at the end of a line, so that a click takes them."""
    shared = not is_loopback(address)
    if tokens is None:
        who = f"anyone who reaches {address}" if shared else "everybody on this machine"
        talk(f"no token is asked for: {who} can search and watch this library's videos")
    talk(f"page at {ways_in[0]}")
    if tokens and shared:
        may_change = ui_settings(library_folder()).allow_changes == "always"
        if is_everywhere(address):
            talk("  others put this machine's number, or a name from 'hosts', for localhost")
        talk(f"  for others, to look only: {ways_in[1]}")
        if not may_change:
            talk("  nobody can change anything there: see 'allow_changes' in the guide")
    talk("Ctrl-C stops it")


def _taken_tokens(port: int) -> Tokens:
    """The tokens that `kinodex ui` has put into the environment, where child processes would be
    given them too."""
    change, look = (os.environ.pop(name, "") for name in (TOKEN_VARIABLE, LOOK_TOKEN_VARIABLE))
    return Tokens.of(port, change=change, look=look)


def main() -> int:
    """Run the server as it is asked for on the command line; → the exit code."""
    options = json.loads(sys.argv[1])
    os.environ.pop(HOSTS_VARIABLE, None)
    try:
        run(options, None if options["is_open"] else _taken_tokens(options["port"]))
    except KinodexError as error:
        print(f"kinodex: {printable(str(error))}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
