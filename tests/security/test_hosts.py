"""The page answers to its own names only, at every address: a foreign name may lead to it too."""

import pytest

from tests.browser.server import Served
from tests.security.asking import CHANGE, WEB_SOCKET, ask, cookie_by, status, token_of

# One of each kind: pages, Streamlit's own, ours, and what is not there.
ADDRESSES = [
    "/",
    "/library",
    "/?token=anything-at-all",
    "/health",
    "/come-in",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",
    "/static/js/index.js",
    "/media/0.jpg",
    "/component/streamlit_drawable_canvas.st_canvas/index.html",
    "/upload",
    "/picture",
    "/clips/1-0.mp4",
    "/nowhere",
]
OWN = ["localhost", "LocalHost.", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:8501", "localhost:9"]
FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:8501",
    "192.168.1.7",
    "0.0.0.0",
    "[::]",
    "[2001:db8::1]",
    "localhost@evil.example",
    "localhost:port",
    "localhost/",
    "127.0.0.1, evil.example",
    "2130706433",
    "app.localhost",
    "",
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_answers_to_a_foreign_name(guarded: Served, path: str) -> None:
    cookie = cookie_by(guarded, token_of(guarded))

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert status(ask(guarded, path, cookie, method=method, host="evil.example")) == 421
    assert status(ask(guarded, path, cookie, *WEB_SOCKET, host="evil.example")) == 403


@pytest.mark.parametrize("host", FOREIGN)
def test_whatever_is_no_own_name_is_foreign(guarded: Served, host: str) -> None:
    assert status(ask(guarded, "/health", host=host)) == 421


@pytest.mark.parametrize("host", OWN)
def test_a_loopback_name_is_answered_to_with_any_port(guarded: Served, host: str) -> None:
    assert status(ask(guarded, "/health", host=host)) == 200


def test_a_request_without_a_name_or_with_two_is_none(guarded: Served) -> None:
    assert status(ask(guarded, "/health", host=None)) == 400
    assert status(ask(guarded, "/health", "Host: evil.example")) == 400


def test_what_a_proxy_says_of_the_name_does_not_count(guarded: Served) -> None:
    assert (
        status(ask(guarded, "/health", "X-Forwarded-Host: localhost", host="evil.example")) == 421
    )


def test_names_behind_a_proxy_are_a_setting(shared_page: Served) -> None:
    assert status(ask(shared_page, "/health", host="videos.example")) == 200
    assert status(ask(shared_page, "/health", host="other.example")) == 421


def test_a_page_that_listens_everywhere_answers_to_the_number_it_was_reached_at(
    shared_page: Served,
) -> None:
    assert status(ask(shared_page, "/health", host=f"127.0.0.1:{shared_page.port}")) == 200
    assert status(ask(shared_page, "/health", host="192.168.1.7")) == 421


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("http://evil.example", 403),
        ("http://127.0.0.1:1", 403),  # another port: somebody else's page
        ("http://localhost", 403),
        ("null", 403),
        ("file://", 403),
        ("http://127.0.0.1", 101),
        ("https://127.0.0.1", 101),  # a proxy before it speaks TLS
    ],
)
def test_only_its_own_pages_open_a_web_socket(guarded: Served, origin: str, answer: int) -> None:
    cookie = cookie_by(guarded, token_of(guarded))

    opened = ask(guarded, "/_stcore/stream", cookie, f"Origin: {origin}", *WEB_SOCKET)

    assert status(opened) == answer


def test_a_page_behind_a_proxy_is_its_own_page(shared_page: Served) -> None:
    cookie = cookie_by(shared_page, CHANGE)
    # The proxy asks by the number, the browser knows the name.
    own = ask(shared_page, "/_stcore/stream", cookie, "Origin: https://videos.example", *WEB_SOCKET)

    assert status(own) == 101


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_foreign_page_loads_no_part_of_it(guarded: Served, site: str) -> None:
    cookie, site = cookie_by(guarded, token_of(guarded)), f"Sec-Fetch-Site: {site}"

    for kind in ("image", "script", "iframe", "empty"):
        mode = "navigate" if kind == "iframe" else "no-cors"
        lines = (cookie, site, f"Sec-Fetch-Mode: {mode}", f"Sec-Fetch-Dest: {kind}")
        assert status(ask(guarded, "/", *lines)) == 403
    link = (cookie, site, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    assert status(ask(guarded, "/", *link)) == 200
