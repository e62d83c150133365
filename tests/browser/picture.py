"""Takes the README's picture: the search page on the demo library, in Chromium.

make demo && .venv/bin/python -m tests.browser.picture
"""

import shutil
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS
from tests.browser.server import serving

PICTURE = Path("docs/page.png")
QUERY = "a cat moving to the left"
# The model is loaded, and the keyframes are in place.
_SETTLED_MS = 3_000


def take(library: Path, picture: Path) -> None:
    """Search a library on its page and save what is seen."""
    with serving(library) as page_server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        page.goto(f"{page_server.address}/?q={QUERY}&k=8")
        expect(page.locator("img").nth(4)).to_be_visible(timeout=60_000)
        page.wait_for_timeout(_SETTLED_MS)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    take(Path("kinodex-demo/library").resolve(), PICTURE)
