"""Uploads that stall hold up nobody, and the tags of a page to look at stay as they are."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from search.catalog.store import Store
from search.tags.corrections import count_words
from tests.browser.server import Served, serving
from tests.security.asking import CHANGE, LOOK, ask, cookie_by, status, token_of

STALLED = 8


def send_file(tab: Page, name: str) -> None:
    tab.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "video/mp4", "buffer": b"no video"}
    )


def stalled_upload(served: Served, *lines: str) -> socket.socket:
    """An upload of which the first byte comes and no other."""
    connection = socket.create_connection(("127.0.0.1", served.port), 60)
    head = ("PUT /upload?name=a.mp4 HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 1000", *lines)
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\nx")
    return connection


def test_eight_stalled_uploads_do_not_refuse_another(browser: Browser, guarded: Served) -> None:
    tab = browser.new_context().new_page()
    tab.set_default_timeout(60_000)
    tab.goto(f"{guarded.address}/library?token={token_of(guarded)}")
    tab.get_by_role("tab", name="Upload").click()
    with tab.expect_request("**/upload?*") as sent:
        send_file(tab, "first.mp4")
    expect(tab.locator(".files li")).to_contain_text("it is a text")

    with contextlib.ExitStack() as uploads:
        for _ in range(STALLED):
            lines = (cookie_by(guarded, token_of(guarded)), page_token(sent.value))
            uploads.enter_context(stalled_upload(guarded, *lines))
        send_file(tab, "second.mp4")
        expect(tab.locator(".files li")).to_contain_text("second.mp4")
        expect(tab.locator(".files li")).to_contain_text("it is a text")
    tab.context.close()


def test_a_stalled_upload_is_told_that_it_was_too_slow(browser: Browser, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "library.toml").write_text("[ui]\nupload_silence_s = 1.0\n")
    with serving(library) as served:
        tab = browser.new_context().new_page()
        tab.set_default_timeout(60_000)
        tab.goto(f"{served.address}/library?token={token_of(served)}")
        tab.get_by_role("tab", name="Upload").click()
        with tab.expect_request("**/upload?*") as sent:
            send_file(tab, "first.mp4")
        tab.context.close()
        lines = (cookie_by(served, token_of(served)), page_token(sent.value))
        with stalled_upload(served, *lines) as connection:
            assert status(connection.recv(4096).decode()) == 408


def test_who_may_only_look_may_search_by_picture_and_send_no_video(
    browser: Browser, tagged: Served
) -> None:
    may_change = "always" in (tagged.library / "library.toml").read_text()
    tab = browser.new_context().new_page()
    tab.set_default_timeout(60_000)
    tab.goto(f"{tagged.address}/?token={LOOK}")
    tab.get_by_role("button", name="Picture").click()
    with tab.expect_request("**/picture?*") as sent:
        send_file(tab, "a.png")
    expect(tab.locator(".files li")).to_contain_text("is no picture that can be read")
    tab.context.close()

    answers = {}
    for token in (LOOK, CHANGE):
        lines = (cookie_by(tagged, token), page_token(sent.value))
        answers[token] = ask(tagged, "/upload?name=a.mp4", *lines, method="PUT", body=b"no video")
    assert status(answers[LOOK]) == 403
    assert "can be looked at only" in answers[LOOK]
    assert status(answers[CHANGE]) == (422 if may_change else 403)


def page_token(request: Request) -> str:
    return f"X-Kinodex-Token: {request.headers['x-kinodex-token']}"


@pytest.fixture(scope="module", params=["never", "always"])
def tagged(
    request: pytest.FixtureRequest, shared_library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A page with tags that everybody can reach."""
    folder = tmp_path_factory.mktemp("tagged") / "library"
    shutil.copytree(shared_library, folder)
    (folder / "library.toml").write_text(f'[ui]\nallow_changes = "{request.param}"\n')
    environment = {"KINODEX_UI_TOKEN": CHANGE, "KINODEX_UI_LOOK_TOKEN": LOOK}
    with serving(folder, "--address", "0.0.0.0", environment=environment) as served:
        yield served


def test_tags_are_changed_only_by_those_who_may(browser: Browser, tagged: Served) -> None:
    may_change = "always" in (tagged.library / "library.toml").read_text()
    for token in (LOOK, CHANGE):
        tab = browser.new_context().new_page()
        tab.set_default_timeout(60_000)
        tab.goto(f"{tagged.address}/browse?play=1&token={token}")
        expect(tab.get_by_role("dialog").get_by_text("More like this")).to_be_visible()
        box = tab.get_by_placeholder("Add a tag")
        if token == CHANGE and may_change:
            box.fill("dancing")
            box.press("Enter")
            expect(tab.get_by_text("dancing, as you said")).to_be_visible()
        else:
            expect(tab.locator("[data-test-script-state=notRunning]")).to_have_count(1)
            expect(box).to_have_count(0)
            for name in ("right", "wrong", "take back"):
                expect(tab.get_by_role("button", name=name, exact=True)).to_have_count(0)
        tab.context.close()

    with Store.open(tagged.library) as library, library.reading() as session:
        assert count_words(session) == int(may_change)
