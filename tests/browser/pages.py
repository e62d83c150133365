"""A real browser for all tests that need one, and a tab in it: see `pytest_plugins`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.server import OPEN
from tests.programs import needed

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # As the owner of a foreign name can have it.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]
# The first visit loads the model, on a machine that may be busy with other tests.
SHOWN_WITHIN_MS = 60_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = needed("chromium")
    expect.set_options(timeout=SHOWN_WITHIN_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile whose pages note at which time each video begins to play."""
    opened = browser.new_context()
    opened.set_default_timeout(SHOWN_WITHIN_MS)
    opened.add_init_script(
        "window.began = [];"
        "document.addEventListener("
        "  'playing', event => window.began.push(event.target.currentTime), true);"
    )
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """An empty tab with a history of its own, in a profile that is let into all open pages."""
    for served in OPEN:
        if not any(cookie.get("name") == served.cookie for cookie in context.cookies()):
            context.request.get(served.entrance)
    tab = context.new_page()
    tab.set_viewport_size({"width": 1200, "height": 900})
    yield tab
    tab.close()
