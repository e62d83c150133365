"""The page's server: Streamlit's, with two addresses more, for uploads and for clips.

Run by `kinodex ui`, with Streamlit's options as one JSON object.
"""

import contextlib
import json
import sys
import webbrowser
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st

from ui.web.shared import clip_route
from ui.web.uploads import route as upload_route

_SCRIPT = Path(__file__).parent / "app.py"


def run(options: dict[str, object], *, browser: bool) -> None:
    """Serve the page until the process is told to end."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        if browser:  # the address is taken already, so a browser that is early waits
            webbrowser.open(f"http://{options['server.address']}:{options['server.port']}")
        yield

    routes = [upload_route.route(), clip_route.route()]
    st.App(_SCRIPT, routes=routes, lifespan=lifespan).run(config=options)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    run(given["options"], browser=given["browser"])
