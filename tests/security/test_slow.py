"""Who is slow, or only holds a place, holds up nobody else."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import Served, serving
from tests.security.asking import CHANGE, ask, cookie_by, status

SLOW = 1200
DESCRIPTORS = 1024


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page whose server may have 1,024 descriptors, as is usual."""
    folder = tmp_path_factory.mktemp("narrow") / "library"
    folder.mkdir()
    (folder / "library.toml").write_text("[ui]\nask_within_s = 3.0\n")
    limit = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    environment = {"KINODEX_UI_TOKEN": CHANGE}
    with serving(folder, environment=environment, before=limit) as served:
        yield served


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Enough for this side of the connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"PUT /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
        b"POST /come-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ntoken=",
    ],
    ids=["silent", "half a head", "half a body", "half a form"],
)
def test_a_thousand_slow_connections_do_not_block_the_page(
    narrow: Served, beginning: bytes
) -> None:
    with contextlib.ExitStack() as slow:
        for _ in range(SLOW):
            connection = slow.enter_context(
                socket.create_connection(("127.0.0.1", narrow.port), 60)
            )
            with contextlib.suppress(OSError):  # it may have been given up already
                connection.sendall(beginning)
        cookie = cookie_by(narrow, CHANGE)
        for _ in range(20):
            assert status(ask(narrow, "/", cookie)) == 200
        descriptors = len(list(Path(f"/proc/{narrow.process}/fd").iterdir()))
    assert descriptors < DESCRIPTORS - 200


def test_a_connection_that_trickles_is_closed(narrow: Served) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), 60) as connection:
        is_open = True
        for _ in range(600):  # a byte every tenth of a second: a minute at most
            try:
                connection.sendall(b"x")
            except ConnectionError:
                is_open = False
                break
            time.sleep(0.1)
    assert not is_open


def test_what_is_no_request_is_refused_with_all_that_forbids(narrow: Served) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), 60) as connection:
        connection.sendall(b"\0\1\2 nonsense\r\n\r\n")
        answer = connection.recv(4096).decode()

    assert status(answer) == 400
    assert "frame-ancestors 'none'" in answer
