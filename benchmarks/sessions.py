"""Twenty people at one page at once, in real browsers: errors, waiting, the server's memory.

    python -m benchmarks.sessions                      20 sessions, 4 rounds, on the demo library
    python -m benchmarks.sessions --sessions 5         fewer

A demo library of generated clips is made and `kinodex ui` serves it. In each round every session is
a new visitor: all open the page at once, type a query, wait for the first card, open it, and visit
the other views; then all leave. The waiting times are those of browsers that share this machine's
cores with the server, so they are worse than from machines of their own.

The server's memory is that of its process and all its children. What the first round leaves behind,
with the model and the code of all views, is what later rounds are compared with.
"""

import asyncio
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from playwright.async_api import Browser, Error, Page, Response, async_playwright

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.serving import CHROMIUM_FLAGS, Server, make_demo, serving
from smallworld.demo import DEMO_QUERIES

# Browsers that starve each other are slow, which is told as waiting; what never comes is an error.
_SHOWN_WITHIN_MS = 600_000
# Memory of sessions that are gone is given back after a while.
_SETTLES_S = 15.0
_VIEWS = ("Browse", "Tags", "Library")
_CARD = "[class*='st-key-card-']"


@dataclass
class Visit:
    """What one session met. Times in seconds; None for what it never saw."""

    query: str
    doing: str = "opening the page"
    first_card_s: float | None = None
    all_s: float | None = None
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Round:
    """What the sessions of a round met, and the server's memory when they were gone."""

    number: int
    sessions: int
    errors: int
    first_card_median_s: float | None
    first_card_worst_s: float | None
    all_median_s: float | None
    peak_mb: float
    memory_mb: float


@dataclass(frozen=True)
class Trouble:
    """An error that a session met."""

    round: int
    query: str
    error: str


async def visit(browser: Browser, server: Server, query: str) -> Visit:
    """Be one visitor: search, watch, look at all views."""
    met = Visit(query)
    context = await browser.new_context()
    context.set_default_timeout(_SHOWN_WITHIN_MS)
    page = await context.new_page()
    page.on("pageerror", lambda error: met.errors.append(str(error)))
    page.on("response", lambda response: _note_failure(response, met))
    began = time.perf_counter()
    try:
        await _search(page, server, met)
        await _watch(page, met)
        for view in _VIEWS:
            met.doing = f"going to {view}"
            await page.get_by_role("link", name=view, exact=True).click()
            await page.wait_for_url(f"**/{view.lower()}*")
            await _drawn(page)
            await _note_trouble(page, met)
        met.all_s = time.perf_counter() - began
    except Error as error:
        met.errors.append(f"while {met.doing}: {error.message.splitlines()[0]}")
    finally:
        await context.close()
    return met


async def _search(page: Page, server: Server, met: Visit) -> None:
    await page.context.request.get(server.entrance)  # the page itself would go on to another
    await page.goto(server.address)
    box = page.get_by_placeholder("What happens in the video?")
    await box.fill(met.query)
    began = time.perf_counter()
    met.doing = "searching"
    await box.press("Enter")
    await page.locator(_CARD).first.wait_for()
    met.first_card_s = time.perf_counter() - began
    await _drawn(page)


async def _watch(page: Page, met: Visit) -> None:
    met.doing = "opening a card"
    await page.locator(_CARD).first.click()
    await page.get_by_role("dialog").locator("video").wait_for()
    met.doing = "waiting for the clip"
    await page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    await _drawn(page)
    met.doing = "closing the player"
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="detached")


async def _drawn(page: Page) -> None:
    """Wait until a view is drawn with all its pictures."""
    await page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    # Who leaves before the pictures have come may ask for some that are no longer served.
    await page.wait_for_function("() => [...document.images].every(image => image.complete)")


async def _note_trouble(page: Page, met: Visit) -> None:
    """What a view says where it should show something is an error."""
    said = page.locator(".stException, .st-key-message")
    met.errors += [text.splitlines()[0] for text in await said.all_inner_texts() if text]


def _note_failure(response: Response, met: Visit) -> None:
    if response.status >= 400:
        met.errors.append(f"{response.status} for {response.url}")


async def _run_round(
    browser: Browser, server: Server, number: int, sessions: int
) -> tuple[Round, list[Visit]]:
    texts = [query.text for query in DEMO_QUERIES]
    visiting = asyncio.gather(
        *(visit(browser, server, texts[one % len(texts)]) for one in range(sessions))
    )
    peak_mb = 0.0
    while not visiting.done():
        peak_mb = max(peak_mb, server.memory_mb())
        await asyncio.sleep(0.5)
    visits = await visiting
    await asyncio.sleep(_SETTLES_S)
    cards_s = [one.first_card_s for one in visits if one.first_card_s is not None]
    all_s = [one.all_s for one in visits if one.all_s is not None]
    row = Round(
        number=number,
        sessions=sessions,
        errors=sum(len(one.errors) for one in visits),
        first_card_median_s=median(cards_s) if cards_s else None,
        first_card_worst_s=max(cards_s, default=None),
        all_median_s=median(all_s) if all_s else None,
        peak_mb=peak_mb,
        memory_mb=server.memory_mb(),
    )
    return row, visits


async def measure(
    server: Server, *, sessions: int, rounds: int
) -> tuple[list[Round], list[Trouble]]:
    """Let visitors come and go; → a row a round, and all that went wrong."""
    rows, troubles = [], []
    async with async_playwright() as playwright:
        for number in range(1, rounds + 1):
            # A new browser for each round: its own memory is not what is measured.
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
            )
            row, visits = await _run_round(browser, server, number, sessions)
            await browser.close()
            rows.append(row)
            troubles += [
                Trouble(number, one.query, error) for one in visits for error in one.errors
            ]
    return rows, troubles


def _figures(rows: list[Round], before_mb: float) -> list[Figure]:
    worst = max((row.first_card_worst_s for row in rows if row.first_card_worst_s), default=0.0)
    return [
        Figure("errors in all rounds", float(sum(row.errors for row in rows)), "0"),
        Figure("worst wait for a first card, s", worst),
        Figure("server before any visit, MB", before_mb),
        Figure("server after the first round, MB", rows[0].memory_mb),
        Figure("server after the last round, MB", rows[-1].memory_mb),
        Figure(
            "growth a later round, MB",
            (rows[-1].memory_mb - rows[0].memory_mb) / max(len(rows) - 1, 1),
        ),
    ]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--library", type=Path, help="one that is there (a new demo library)")
    with benchmark("sessions", parser) as (options, report):
        with tempfile.TemporaryDirectory() as folder:
            library = options.library or make_demo(Path(folder) / "demo")
            with serving(library) as server:
                before_mb = server.memory_mb()
                rows, troubles = asyncio.run(
                    measure(server, sessions=options.sessions, rounds=options.rounds)
                )
        report.show("Rounds", rows)
        if troubles:
            report.show("Errors", troubles)
        report.figures(_figures(rows, before_mb))


if __name__ == "__main__":
    main()
