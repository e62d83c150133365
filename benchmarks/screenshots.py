"""The pictures in README and in the guide: a search, and the wall of sketches, on the demo library.

python -m benchmarks.screenshots          writes docs/page.png and docs/wall.png
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_DOCS = Path(__file__).parents[1] / "docs"
_PORT = 8599
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
_WITHIN_S = 120


def main() -> None:
    """Make the demo, open the page and take the pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no 'chromium' on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "demo"
        _kinodex("demo", "--folder", str(place))
        with _served(place / "library") as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            _take(page, f"{address}/?q=an+elephant+-+street", "page.png", ".st-key-results img")
            _take(page, f"{address}/browse?by=likeness", "wall.png", ".st-key-wall img")
            browser.close()


def _take(page: Page, address: str, name: str, ready: str) -> None:
    page.goto(address)
    page.locator(ready).nth(7).wait_for(timeout=1000 * _WITHIN_S)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=1000 * _WITHIN_S)
    page.wait_for_timeout(1500)  # pictures fade in
    page.screenshot(path=_DOCS / name)


@contextlib.contextmanager
def _served(library: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{_PORT}"
    command = [sys.executable, "-m", "ui.cli.main", "ui", "-l", str(library), "--port", str(_PORT)]
    server = subprocess.Popen([*command, "--no-browser"])
    try:
        _wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address).close()
            return
        time.sleep(0.2)
    sys.exit("the page does not answer")


def _kinodex(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "ui.cli.main", *arguments], check=True)


if __name__ == "__main__":
    main()
