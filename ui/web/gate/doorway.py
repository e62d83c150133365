"""The pages of those who are not in yet: how to come in, and why not."""

import functools
import html
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ui.web.gate.response_headers import digest_of

COME_IN = "/come-in"
TOKEN = "token"  # noqa: S105 # what a parameter is called, and no secret

_ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


def door(where_to: str, *, wrong: bool = False) -> Response:
    """Where a token can be typed in. `where_to`: the path that is asked for, and its query."""
    path, _, query = where_to.partition("?")
    asked = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    said = '<p class="said" role="alert">That is not a token of this page.</p>' if wrong else ""
    return _page(
        "Kinodex",
        "<p>This page is for those who have its token. Open the address that "
        "<code>kinodex ui</code> has printed where it was started, with all that stands in it; "
        "each start makes a new one. Or paste the token, the part after "
        "<code>token=</code>:</p>"
        # No body: who has no token could send it as slowly as it likes.
        f'{said}<form action="{html.escape(path)}">'
        f'<label>Token<input name="{TOKEN}" type="password" required autofocus '
        'autocomplete="off" spellcheck="false"></label>'
        f"{asked}<button>Come in</button></form>",
        status=403,
        script=_read("doorway.js"),
    )


def unknown_host(host: str) -> Response:
    """Said where the page is asked for by a name that it does not know."""
    shown = html.escape(host[:100])
    return _page(
        "Kinodex",
        f"<p>This page does not answer to the name <code>{shown}</code>. A foreign page can give "
        "any name to this machine, so only known names are taken.</p>"
        "<p>If the name is yours, put it into <code>hosts</code> under <code>[ui]</code> in "
        "<code>library.toml</code>, or into <code>KINODEX_UI_HOSTS</code>, and start "
        "<code>kinodex ui</code> again.</p>",
        status=421,
    )


def onwards(where_to: str) -> Response:
    """A page that leads on at once and leaves no trace in the browser's way back.

    Not a redirection: after a link on a foreign page it would be asked for without the cookie.
    """
    shown = html.escape(where_to)
    head = f'<meta http-equiv="refresh" content="0; url={shown}">'
    return _page("Kinodex", f'<p><a href="{shown}">Go on</a></p>', status=200, head=head)


def plain(status: int, said: str) -> Response:
    """A refusal for what is no page."""
    return PlainTextResponse(said, status, headers={"Cache-Control": "no-store"})


def _page(
    title: str, body: str, *, status: int, head: str = "", script: str | None = None
) -> Response:
    style = _read("doorway.css")
    allowed = f"style-src {digest_of(style)}; img-src data:; form-action 'self'"
    tail = ""
    if script is not None:
        allowed += f"; script-src {digest_of(script)}; connect-src 'self'"
        tail = f'<script type="module">{script}</script>'
    return HTMLResponse(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
        f'<title>{title}</title><link rel="icon" href="{_ICON}"><style>{style}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main>{tail}</body></html>",
        status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"default-src 'none'; {allowed}; base-uri 'none'; "
            "frame-ancestors 'none'",
        },
    )


@functools.cache
def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
