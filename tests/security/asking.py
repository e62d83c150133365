"""Requests as a program writes them, which minds no rule that a browser keeps."""

import base64
import re
import socket
from collections.abc import Iterable

from tests.browser.server import Served

CHANGE, LOOK = "to-change-things-1234", "to-look-at-things-1234"

WEB_SOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {base64.b64encode(b'sixteen bytes ok').decode()}",
)


def ask(
    served: Served,
    path: str,
    *lines: str,
    method: str = "GET",
    host: str | None = "127.0.0.1",
    body: bytes = b"",
    announced: int | None = None,
) -> str:
    """Send one request; → what is answered.

    announced: how long the body is said to be, where that is a lie
    """
    head = [f"{method} {path} HTTP/1.1"]
    head += [f"Host: {host}"] if host is not None else []
    head += [*lines, f"Content-Length: {len(body) if announced is None else announced}"]
    with socket.create_connection(("127.0.0.1", served.port), 30) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        said = b""
        while not _is_whole(said, method) and (piece := connection.recv(65536)):
            said += piece
        return said.decode("latin-1")


def _is_whole(said: bytes, method: str) -> bool:
    head, end, body = said.partition(b"\r\n\r\n")
    length = re.search(rb"^content-length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
    has_body = length is not None and method != "HEAD" and b" 101 " not in head[:13]
    return bool(end) and (not has_body or len(body) >= int(length[1] if length else 0))


def status(answer: str) -> int:
    found = re.match(r"HTTP/1\.1 (\d+) ", answer)
    assert found, answer
    return int(found[1])


def cookie_by(served: Served, token: str, *lines: str) -> str:
    """The header line that a browser would send after it has shown a token."""
    answer = ask(served, f"/?token={token}", *lines)
    [kept] = re.findall(rf"^set-cookie: ({served.cookie}=[^;]+);", answer, re.MULTILINE)
    return f"Cookie: {kept}"


def token_of(served: Served) -> str:
    """The token in the address that was printed."""
    return served.entrance.partition("?token=")[2]


def headers_of(answer: str) -> dict[str, str]:
    lines: Iterable[str] = answer.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
