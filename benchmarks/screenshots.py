"""The pictures in README and in the guide: a search among the demo's photographs, and the wall of
sketches of its generated world.

python -m benchmarks.screenshots          writes docs/page.png and docs/wall.png
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

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
        photographs = library.with_name("photograph-library")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
            _take(browser, photographs, "?q=a+hot+drink", "page.png", ".st-key-results img")
            _take(browser, library, "browse?by=likeness", "wall.png", ".st-key-wall img")
            browser.close()


def _take(browser: Browser, library: Path, view: str, name: str, ready: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    with serving(library) as server:
        page.context.request.get(server.entrance)
        page.goto(f"{server.address}/{view}")
        _shoot(page, name, ready)


def _shoot(page: Page, name: str, ready: str) -> None:
    page.locator(ready).nth(7).wait_for(timeout=1000 * _WITHIN_S)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=1000 * _WITHIN_S)
    page.wait_for_timeout(1500)  # pictures fade in
    page.screenshot(path=_DOCS / name)


if __name__ == "__main__":
    main()
