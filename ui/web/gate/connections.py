"""Connections to the page: how many there may be, and how long one may be silent.

Who says nothing makes room for who comes: a thousand connections that are slow to ask hold nobody
up. Those on which a request is being answered, and web sockets, are left alone.
"""

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

# The event loop takes as many at a time before it looks at any of them.
_TAKEN_AT_ONCE = 64
# The system keeps as many more until then.
_KEPT_BY_SYSTEM = 1024
# Descriptors that the rest of the program may need: the catalog, videos, pictures, decoders.
_DESCRIPTORS_FOR_OTHERS = 300

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
    b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    b"Content-Length: 19\r\nConnection: close\r\n\r\nthis is no request\n"
)


def most_connections(wanted: int) -> int:
    """As many as wanted, or as many as there are descriptors for; at least 16."""
    with contextlib.suppress(ImportError):  # Windows counts them otherwise
        import resource

        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors != resource.RLIM_INFINITY:
            return max(16, min(wanted, descriptors - _DESCRIPTORS_FOR_OTHERS))
    return wanted


class Server(uvicorn.Server):
    """uvicorn's server, that listens to many and is not flooded by them.

    most: connections at once; ask_within_s: the time to send the head of a request, in seconds
    """

    def __init__(self, config: uvicorn.Config, *, most: int, ask_within_s: float) -> None:
        super().__init__(config)
        self._silent = _Silent(most, ask_within_s)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen on sockets that are bound."""
        self.config.backlog = _TAKEN_AT_ONCE
        self.config.http_protocol_class = self._protocol  # type: ignore[assignment]
        await super().startup(sockets)
        for one in sockets or []:
            one.listen(_KEPT_BY_SYSTEM)

    def _protocol(self, *args: Any, **options: Any) -> "_Connection":
        return _Connection(self._silent, *args, **options)


class _Silent:
    """The connections on which nothing is being answered, those first that are so for longest."""

    def __init__(self, most: int, ask_within_s: float) -> None:
        self._most = most
        self.ask_within_s = ask_within_s
        self._waiting: dict[_Connection, None] = {}

    def add(self, connection: "_Connection") -> None:
        self._waiting[connection] = None

    def discard(self, connection: "_Connection") -> None:
        self._waiting.pop(connection, None)

    def make_room(self, all_connections: int) -> None:
        """Give up as many as there are too many; the new one, where all others are at work."""
        for connection in list(self._waiting)[: max(0, all_connections - self._most)]:
            connection.give_up()


class _Connection(H11Protocol):
    """One connection. It must ask something in time, each time anew."""

    def __init__(self, silent: _Silent, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._silent = silent
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()
        self._silent.make_room(len(self.connections))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._speaks()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def give_up(self) -> None:
        """End it at once, whatever the other side does."""
        self._speaks()
        self.transport.abort()

    def _look(self) -> None:
        is_asking = self.cycle is not None and not self.cycle.response_complete
        is_web_socket = self not in self.connections
        if is_asking or is_web_socket or self.transport.is_closing():
            self._speaks()
        elif self._limit is None:  # whoever sends a byte now and then gains no time by that
            self._silent.add(self)
            self._limit = self.loop.call_later(self._silent.ask_within_s, self.give_up)

    def _speaks(self) -> None:
        self._silent.discard(self)
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
