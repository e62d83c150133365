"""Opening the page in this machine's browser without telling others how."""

import contextlib
import html
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_browser(address: str) -> Iterator[None]:
    """Open an address that holds a token; to be left when the page is no longer served.

    Every user of a machine can read the command lines of its programs. So the browser is given the
    name of a file that only its owner can read, and the file leads on.
    """
    # Browsers in a box of their own (snap) cannot read it. The address is printed for them.
    with tempfile.TemporaryDirectory(prefix="kinodex-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "open-kinodex.html"  # a folder that nobody else can enter
        shown = html.escape(address)
        file.write_text(
            '<!DOCTYPE html><meta charset="utf-8"><title>Kinodex</title>'
            f'<meta http-equiv="refresh" content="0; url={shown}"><a href="{shown}">Kinodex</a>',
            encoding="utf-8",
        )
        webbrowser.open(file.as_uri())
        yield
