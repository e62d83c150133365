"""What a browser does when a foreign page wants something of ours, and how people come in."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.server import Served
from tests.security.asking import token_of

PLACEHOLDER = "There is no library in"  # what the page says whose library is not there


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab of somebody who has never been here."""
    profile = browser.new_context()
    profile.set_default_timeout(60_000)
    yield profile.new_page()
    profile.close()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder that somebody else serves on this machine, and its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, server.server_address[1]
        server.shutdown()


def come_in(tab: Page, served: Served) -> None:
    tab.goto(served.entrance)
    expect(tab.get_by_text(PLACEHOLDER)).to_be_visible()


def test_the_printed_address_opens_the_page_and_leaves_the_token_nowhere(
    tab: Page, guarded: Served
) -> None:
    come_in(tab, guarded)

    assert tab.url == f"{guarded.address}/"
    assert token_of(guarded) not in tab.content()
    assert tab.evaluate("document.cookie").find(guarded.cookie) == -1
    tab.go_back()
    assert tab.url == "about:blank"


def test_who_has_no_token_is_told_where_it_is_and_can_type_it_in(
    tab: Page, guarded: Served
) -> None:
    tab.goto(f"{guarded.address}/library?show=failed")

    expect(tab.get_by_text("Open the address that kinodex ui has printed")).to_be_visible()
    tab.get_by_label("Token").fill("a wrong one")
    tab.get_by_role("button", name="Come in").click()
    expect(tab.get_by_role("alert")).to_contain_text("not a token of this page")
    tab.get_by_label("Token").fill(token_of(guarded))
    tab.get_by_role("button", name="Come in").click()
    expect(tab.get_by_role("heading", name="Library", exact=True)).to_be_visible()
    assert tab.url == f"{guarded.address}/library?show=failed"


def test_a_link_on_a_foreign_page_leads_those_in_who_have_been_here(
    tab: Page, guarded: Served, stranger: tuple[Path, int]
) -> None:
    folder, port = stranger
    (folder / "links.html").write_text(f'<a href="{guarded.address}/library">videos</a>')
    come_in(tab, guarded)

    tab.goto(f"http://mail.example:{port}/links.html")
    tab.get_by_text("videos").click()

    expect(tab.get_by_role("heading", name="Library", exact=True)).to_be_visible()


def test_a_foreign_name_that_leads_to_this_machine_gets_nothing(
    browser: Browser, guarded: Served
) -> None:
    # A script of that name, on the page that came from elsewhere, minds no rule of ours.
    tab = browser.new_context(bypass_csp=True).new_page()
    come_in(tab, guarded)
    tab.goto(f"http://rebound.example:{guarded.port}/?token={token_of(guarded)}")
    expect(tab.get_by_text("does not answer to the name")).to_be_visible()
    said = tab.evaluate(
        """async () => {
             const answers = {};
             for (const path of ["/_stcore/health", "/static/manifest.json", "/clips/1-0.mp4"])
               answers[path] = (await fetch(path)).status;
             const socket = new WebSocket(`ws://${location.host}/_stcore/stream`);
             answers.socket = await new Promise(tell => {
               socket.onopen = () => tell("open");
               socket.onerror = () => tell("refused");
             });
             return answers;
           }"""
    )
    assert said == {
        "/_stcore/health": 421,
        "/static/manifest.json": 421,
        "/clips/1-0.mp4": 421,
        "socket": "refused",
    }
    tab.context.close()


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1"])
def test_a_frame_of_a_foreign_page_stays_empty(
    tab: Page, guarded: Served, stranger: tuple[Path, int], name: str
) -> None:
    folder, port = stranger
    (folder / "frame.html").write_text(
        f'<iframe src="{guarded.address}/library"></iframe>'
        f'<iframe src="{guarded.entrance}"></iframe>'
    )
    come_in(tab, guarded)

    tab.goto(f"http://{name}:{port}/frame.html")
    tab.wait_for_load_state("networkidle")

    for frame in tab.frames[1:]:
        assert frame.get_by_text("Library").count() == 0
        assert frame.get_by_text("Kinodex").count() == 0


def test_another_page_of_this_machine_gets_nothing_with_our_cookie(
    tab: Page, guarded: Served, stranger: tuple[Path, int]
) -> None:
    folder, port = stranger
    (folder / "page.html").write_text("<p>harmless</p>")
    come_in(tab, guarded)
    tab.goto(f"http://127.0.0.1:{port}/page.html")

    # Browsers count all ports of a machine as one site, and send the cookie.
    said = tab.evaluate(
        """async address => {
             const failed = promise => promise.then(() => "answered", () => "refused");
             const picture = new Image();
             picture.src = `${address}/favicon.png`;
             const socket = new WebSocket(`${address.replace("http", "ws")}/_stcore/stream`);
             const opened = new Promise(tell => {
               socket.onopen = () => tell("answered");
               socket.onerror = () => tell("refused");
             });
             return {
               read: await failed(fetch(`${address}/_stcore/health`, {credentials: "include"})),
               put: await failed(fetch(`${address}/upload?name=a.mp4`,
                                       {method: "PUT", credentials: "include", body: "x"})),
               picture: await failed(picture.decode()),
               socket: await opened,
             };
           }""",
        guarded.address,
    )

    assert said == dict.fromkeys(("read", "put", "picture", "socket"), "refused")


def test_every_answer_forbids_frames_and_foreign_code(tab: Page, guarded: Served) -> None:
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    tab.on("response", keep)
    come_in(tab, guarded)
    tab.goto(f"{guarded.address}/nowhere")

    assert len(answers) > 10
    for answer in answers:
        headers = answer.headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], answer.url
        assert "default-src 'self'" in headers["content-security-policy"] or (
            "default-src 'none'" in headers["content-security-policy"]
        )
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_refuses_what_somebody_puts_into_it(tab: Page, guarded: Served) -> None:
    come_in(tab, guarded)

    ran = tab.evaluate(
        """async () => {
             const script = document.createElement("script");
             script.textContent = "window.ran = true";
             document.body.append(script);
             const out = await fetch("http://evil.example/").then(() => "sent", () => "refused");
             const picture = new Image();
             picture.src = "http://evil.example/x.png";
             const shown = await picture.decode().then(() => "shown", () => "refused");
             return [window.ran ?? false, out, shown];
           }"""
    )

    assert ran == [False, "refused", "refused"]
