"""The cards of a search, ready to be clicked."""

from urllib.parse import quote_plus

from playwright.sync_api import Locator, Page, expect

from tests.browser.server import Served


def cards(page: Page) -> Locator:
    return page.locator("[class*='st-key-card-']")


def search(page: Page, served: Served, query: str, *, count: int = 7) -> None:
    """Open the page on a query and wait until a click on its cards counts."""
    page.goto(f"{served.address}/?q={quote_plus(query)}")
    expect(cards(page)).to_have_count(count)
    # The style may come after the cards. With it, a card is seen when a click on it counts.
    expect(page.locator(".st-key-results")).to_have_css("display", "grid")
    expect(cards(page).first).to_be_visible()


def settled(page: Page) -> None:
    """Wait until the page has been drawn to its end: what is pressed before may be drawn anew.

    The press would then begin on one button and end on another, which is none.
    """
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
