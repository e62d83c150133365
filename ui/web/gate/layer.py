"""The layer in front of the page: no request reaches anything else before it is known.

It answers for every address, whether ours or Streamlit's, and for web sockets. What is not listed
here is not there.
"""

from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.web.gate import doorway, response_headers, visitors
from ui.web.gate.hosts import KnownHosts
from ui.web.gate.tokens import Right, Tokens

HEALTH = "/health"

_READING = ("GET", "HEAD")
# Streamlit's. Its address for uploads, its agents' and its metrics are not among them.
_PLACES = ("/static/", "/media/", response_headers.COMPONENTS, "/_stcore/bidi-components/")
_ADDRESSES = ("/_stcore/health", "/_stcore/host-config", "/_stcore/stream", "/favicon.png")


class Gate:
    """The page behind a door.

    pages: paths of views; own: for paths of our own, or for what begins with one that ends with a
        slash, the methods that they take
    tokens: None where everybody may come in who names a known host
    """

    def __init__(
        self,
        page: ASGIApp,
        hosts: KnownHosts,
        tokens: Tokens | None,
        *,
        pages: frozenset[str],
        own: dict[str, tuple[str, ...]],
    ) -> None:
        self._page = page
        self._hosts = hosts
        self._tokens = tokens
        self._pages = pages
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the page answer (ASGI)."""
        if scope["type"] == "lifespan":
            await self._page(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers)
        if answer is None and scope["type"] == "http":
            answer = self._doorkeeper(scope, headers)
        if answer is None:
            answer = self._still_outside(scope, headers)
        if answer is None:
            await self._let_in(scope, headers, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            # What the sender still has to say is not waited for.
            answer.headers["connection"] = "close"
            await answer(scope, receive, _securing(scope, headers, send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What everybody is refused, with a token or without."""
        host, origin = headers.get("host", ""), headers.get("origin")
        reached_at = (scope.get("server") or ("", None))[0]
        if len(headers.getlist("host")) > 1 or not self._hosts.knows(host, reached_at=reached_at):
            return doorway.unknown_host(host)
        if origin is not None and not self._hosts.is_own_page(origin, host):
            return doorway.plain(403, "another page may not ask for this")
        if _is_foreign_part(headers):
            return doorway.plain(403, "another page may not show or load this")
        methods = self._methods(scope["path"])
        if methods is None:
            return doorway.plain(404, "there is nothing here")
        if scope["type"] == "http" and scope["method"] not in methods:
            return doorway.plain(405, "this is not possible here")
        return None

    def _doorkeeper(self, scope: Scope, headers: Headers) -> Response | None:
        """Answers to those who ask whether the server is there, or who come in."""
        path = scope["path"]
        if path == HEALTH:
            return doorway.plain(200, "ok")
        if path == doorway.COME_IN:
            known = visitors.right_in(headers) > Right.NOTHING
            return Response(status_code=204) if known else doorway.plain(403, "not yet")
        given = QueryParams(scope["query_string"]).getlist(doorway.TOKEN)
        if not given or path not in self._pages:
            return None
        return self._come_in(scope, given[-1].strip(), headers)

    def _come_in(self, scope: Scope, token: str, headers: Headers) -> Response:
        """The cookie for a token, and the way on. Who is in already stays in by any."""
        where_to = _without_token(scope)
        right = self._tokens.right_of(token) if self._tokens else Right.CHANGE
        if right is Right.NOTHING and visitors.right_in(headers) is Right.NOTHING:
            return doorway.door(where_to, wrong=True)
        answer = doorway.onwards(where_to)
        if self._tokens and right > Right.NOTHING:
            answer.set_cookie(
                self._tokens.cookie,
                self._tokens.kept(right),
                httponly=True,
                samesite="strict",
                secure=scope["scheme"] == "https",
            )
        return answer

    def _still_outside(self, scope: Scope, headers: Headers) -> Response | None:
        if visitors.right_in(headers) > Right.NOTHING:
            return None
        if scope["path"] in self._pages:
            return doorway.door(_without_token(scope))
        return doorway.plain(403, "this is for those who have the page's token")

    async def _let_in(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        # It was looked at here. Streamlit would look again, and for names that it does not know
        # ask an address outside by which one this machine is reached from there.
        without_origin = [pair for pair in scope["headers"] if pair[0].lower() != b"origin"]
        scope = {**scope, "headers": without_origin}
        if scope["type"] != "http":
            await self._page(scope, receive, send)
            return
        visitor = visitors.REQUEST_HEADERS.set(headers)
        try:
            await self._page(scope, receive, _securing(scope, headers, send))
        finally:
            visitors.REQUEST_HEADERS.reset(visitor)

    def _methods(self, path: str) -> tuple[str, ...] | None:
        """The methods that a path takes; None where there is nothing."""
        for own, methods in self._own.items():
            if path == own or (own.endswith("/") and path.startswith(own)):
                return methods
        known = path in self._pages or path in _ADDRESSES or path in (HEALTH, doorway.COME_IN)
        return _READING if known or path.startswith(_PLACES) else None


def _is_foreign_part(headers: Headers) -> bool:
    """Whether a foreign page loads this as a part of itself; links that lead here are none.

    A page of this machine at another port is foreign too, though browsers show it our cookies.
    """
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    is_link = headers.get("sec-fetch-mode") == "navigate"
    return not (is_link and headers.get("sec-fetch-dest") == "document")


def _without_token(scope: Scope) -> str:
    """The path that is asked for, with all that is asked there but the token."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in pairs if name != doorway.TOKEN])
    return scope["path"] + (f"?{query}" if query else "")


def _securing(scope: Scope, asked: Headers, send: Send) -> Send:
    """A `send` that tells the browser with each answer what to refuse."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            response_headers.secure(headers, path=scope["path"], host=asked.get("host", ""))
        await send(message)

    return sending
