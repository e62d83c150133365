"""Sketches in a real browser, in `<img>`, where no script runs: they play, and they move."""

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from sketch.canvas import Target
from sketch.formats.animated_svg import morphing_svg
from sketch.formats.film import making_of, morphing_film
from sketch.formats.png import grey
from sketch.formats.svg import to_svg
from sketch.strokes import Drawing, Strokes
from tests.sketch.sketches import line, sketch_of

# Eight lines of half a second, the last one a dot.
LINES = np.stack([line(left=12, right=212, y=20.0 + 24 * i) for i in range(8)])
LINES[7] = (112, 188)
STROKES = Strokes.plain(LINES)
_WAITS_MS = 15_000


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def show(page: Page, element: str) -> None:
    page.set_viewport_size({"width": 224, "height": 224})
    page.set_content(f'<body style="margin:0;background:#fff">{element}</body>')


def show_svg(page: Page, svg: str) -> None:
    show(page, f'<img style="display:block" src="{data_uri(svg.encode(), "image/svg+xml")}">')


def seen(page: Page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"), float)


def ink(page: Page) -> float:
    return float((255 - seen(page)).sum() / 255)


def wait_for_ink(page: Page, least: float) -> float:
    """Wait until so much ink is on the page."""
    for _ in range(_WAITS_MS // 100):
        drawn = ink(page)
        if drawn >= least:
            return drawn
        page.wait_for_timeout(100)
    raise AssertionError(f"{drawn} pixels of ink, and no more")


def wait_for_change(page: Page, before: np.ndarray) -> np.ndarray:
    """Wait until something else is seen."""
    for _ in range(_WAITS_MS // 100):
        now = seen(page)
        if np.abs(now - before).max() > 64:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("nothing moves")


def test_a_still_sketch_looks_as_our_own_rendering(page: Page) -> None:
    show_svg(page, to_svg(sketch_of(STROKES), title="x"))
    # They smooth the edges of a line in their own ways; its pixels are the same.
    assert np.abs(seen(page) - grey(STROKES, size=224)).mean() < 0.5


def test_a_playing_sketch_draws_itself_until_it_is_whole(page: Page) -> None:
    whole = (255.0 - grey(STROKES, size=224)).sum() / 255
    show_svg(page, to_svg(sketch_of(STROKES), title="x", playing=True))
    early = ink(page)
    later = wait_for_ink(page, early + 100)
    finished = wait_for_ink(page, 0.99 * whole)
    assert early < later < finished
    assert early < 0.75 * whole
    assert finished < 1.01 * whole


def test_a_playing_sketch_begins_with_its_first_strokes(page: Page) -> None:
    show_svg(page, to_svg(sketch_of(STROKES), title="x", playing=True))
    wait_for_ink(page, 100)
    rows = (255 - seen(page)).sum(axis=1)
    drawn = [bool(rows[int(y) - 3 : int(y) + 3].any()) for y in LINES[:, 0, 1]]
    assert drawn == sorted(drawn, reverse=True)
    assert not drawn[-1]  # a dot too waits for its turn


def test_who_wants_less_motion_sees_the_finished_sketch_at_once(browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 224, "height": 224})
    page = context.new_page()
    # On its own: the browser under test does not tell an `<img>` what was asked for.
    svg = to_svg(sketch_of(STROKES), title="x", playing=True)
    page.goto(data_uri(svg.encode(), "image/svg+xml"))
    whole = (255.0 - grey(STROKES, size=224)).sum() / 255
    assert abs(ink(page) - whole) < 0.01 * whole
    context.close()


def test_strokes_of_a_moving_sketch_move(page: Page) -> None:
    lower = Strokes.plain(LINES + np.float32([0, 12]))
    show_svg(page, morphing_svg([STROKES, lower], [0.0, 2.0], title="x"))
    first = seen(page)
    second = wait_for_change(page, first)
    wait_for_change(page, second)
    assert (255 - second).sum() > 0.5 * (255 - first).sum()


def test_a_title_cannot_run_anything(page: Page) -> None:
    title = '</title><script>document.title="taken"</script><img src=x onerror="taken()">'
    page.set_content(to_svg(sketch_of(STROKES), title=title))
    assert page.locator("svg path").count() == 8
    assert page.locator("svg script, svg img, img").count() == 0
    assert page.title() == ""


def test_the_films_play(page: Page) -> None:
    red = np.broadcast_to(np.float32([1, 0, 0]), (224, 224, 3)).copy()
    target = Target(red, np.ones((224, 224), np.float32))
    film = making_of(Drawing(sketch_of(STROKES), (STROKES,)), target, size=112)
    show(page, f'<video muted autoplay loop src="{data_uri(film, "video/mp4")}"></video>')
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    video = page.locator("video")
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [224, 112]


def test_the_moving_picture_moves(page: Page) -> None:
    lower = Strokes.plain(LINES + np.float32([0, 12]))
    film = morphing_film([STROKES, lower], [0.0, 1.0], form="webp")
    show(page, f'<img style="display:block" src="{data_uri(film, "image/webp")}">')
    wait_for_change(page, seen(page))
