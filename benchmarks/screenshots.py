"""The pictures in README and in the guide: a search, and the wall of sketches, on the demo library.

python -m benchmarks.screenshots          writes docs/page.png and docs/wall.png
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.measuring.serving import CHROMIUM_FLAGS, make_demo, serving

_DOCS = Path(__file__).parents[1] / "docs"
_WITHIN_S = 120


def main() -> None:
    """Make the demo, open the page and take the pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no 'chromium' on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        library = make_demo(Path(folder) / "demo")
        with serving(library) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(server.entrance)
            _take(
                page, f"{server.address}/?q=an+elephant+-+street", "page.png", ".st-key-results img"
            )
            _take(page, f"{server.address}/browse?by=likeness", "wall.png", ".st-key-wall img")
            browser.close()


def _take(page: Page, address: str, name: str, ready: str) -> None:
    page.goto(address)
    page.locator(ready).nth(7).wait_for(timeout=1000 * _WITHIN_S)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=1000 * _WITHIN_S)
    page.wait_for_timeout(1500)  # pictures fade in
    page.screenshot(path=_DOCS / name)


if __name__ == "__main__":
    main()
