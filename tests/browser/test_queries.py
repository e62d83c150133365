"""Searching in other ways than by a text: pictures, drawings, signs, filters, feedback, walls."""

import io
import math
import re
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from smallworld.clips.files import write_clip
from smallworld.clips.shots import Shot, ShotPainter
from smallworld.stills.pictures import Picture, Placement
from smallworld.stills.sprites import shipped_atlas
from tasks.sketches.run import sketch_new_segments
from tests.browser.conftest import BUS, CAT, ELEPHANT, PENGUIN
from tests.browser.results import cards, search, settled
from tests.browser.server import Served, serving
from tests.tiny import index

BALL = Picture("grass", 3, (Placement("football", 0.5, 0.5, 0.6),))


@pytest.fixture(scope="module")
def sketched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a library of five videos, all sketched, one of them in a folder of its own."""
    folder = tmp_path_factory.mktemp("sketched")
    (folder / "videos" / "trips").mkdir(parents=True)
    for name, picture in (("elephant", ELEPHANT), ("cat", CAT), ("bus", BUS), ("ball", BALL)):
        write_clip(folder / "videos" / f"{name}.mp4", [Shot(picture, 2.0)])
    hostile = folder / "videos" / "trips" / '"><script>alert(1)<_script>.mp4'
    write_clip(hostile, [Shot(PENGUIN, 2.0), Shot(CAT, 2.0)])
    backbone = load_backbone(choose_model("bundled"))
    with Store.open(folder / "library", create=True) as library:
        index(library, folder / "videos", backbone=backbone)
        sketch_new_segments(library, backbone)
    with serving(folder / "library") as running:
        yield running


def first(page: Page) -> str:
    return cards(page).first.inner_text()


def test_a_picture_that_is_dropped_finds_what_looks_like_it(page: Page, sketched: Served) -> None:
    painter = ShotPainter(shipped_atlas(), width=320, height=240)
    picture = io.BytesIO()
    Image.fromarray(next(painter.frames(Shot(BUS, 1.0), [0.0]))).save(picture, "PNG")
    page.goto(sketched.address)
    page.get_by_role("button", name="Picture").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )

    expect(page).to_have_url(re.compile(r"picture=[0-9a-f]{32}"))
    expect(cards(page)).to_have_count(5)
    expect(cards(page).first).to_contain_text("bus.mp4")
    page.goto(page.url)
    expect(cards(page).first).to_contain_text("bus.mp4")


def test_a_file_that_is_no_picture_is_said(page: Page, sketched: Served) -> None:
    page.goto(sketched.address)
    page.get_by_role("button", name="Picture").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    expect(page.get_by_text("is no picture that can be read")).to_be_visible()


def test_a_drawing_finds_what_has_its_shape(page: Page, sketched: Served) -> None:
    page.goto(sketched.address)
    page.get_by_role("button", name="Draw").click()
    canvas = page.locator("canvas").last
    expect(canvas).to_be_visible()
    settled(page)
    paper = canvas.bounding_box()
    assert paper is not None
    centre = (paper["x"] + paper["width"] / 2, paper["y"] + paper["height"] / 2)
    page.mouse.move(centre[0] + 80, centre[1])
    page.mouse.down()
    for step in range(1, 49):
        angle = 2 * math.pi * step / 48
        page.mouse.move(centre[0] + 80 * math.cos(angle), centre[1] + 80 * math.sin(angle))
    page.mouse.up()
    button = page.get_by_role("button", name="Search with this drawing")
    expect(button).to_be_enabled()
    settled(page)
    button.click()

    expect(page).to_have_url(re.compile(r"drawing=d1"))
    expect(cards(page)).to_have_count(5)
    expect(cards(page).first).to_contain_text("ball.mp4")


def test_signs_and_steps_work_in_the_box(page: Page, sketched: Served) -> None:
    search(page, sketched, "a cat - snow", count=5)
    assert "a cat: 0." in first(page)
    assert "- snow: " in first(page)

    page.goto(f"{sketched.address}/?q={quote_plus('a penguin --then a cat')}")
    expect(cards(page)).to_have_count(1)
    expect(cards(page).first).to_contain_text("step by step")


def test_filters_in_the_sidebar_narrow_and_are_in_the_address(page: Page, sketched: Served) -> None:
    search(page, sketched, "a cat", count=5)
    page.get_by_label("In the folder").fill("trips")
    page.get_by_label("In the folder").press("Enter")

    expect(page).to_have_url(re.compile(r"in=trips"))
    expect(cards(page)).to_have_count(1)
    page.get_by_label("Recorded before").fill("soon")
    page.get_by_label("Recorded before").press("Enter")
    expect(page.get_by_text("'soon' is no day")).to_be_visible()


def test_a_hostile_name_is_shown_as_itself_everywhere(page: Page, sketched: Served) -> None:
    for path in ("/?q=a+cat", "/browse", "/browse?by=likeness", "/library"):
        page.goto(f"{sketched.address}{path}")
        expect(page.get_by_text('"><script>alert(1)').first).to_be_visible()
        assert page.locator("script", has_text="alert(1)").count() == 0


def test_what_is_not_there_is_said(page: Page, sketched: Served) -> None:
    search(page, sketched, "a volcano", count=5)
    expect(page.get_by_text("probably nothing here shows this")).to_be_visible()
    search(page, sketched, "a cat", count=5)
    expect(page.get_by_text("probably nothing here shows this")).to_have_count(0)


def test_a_bad_result_goes_and_the_verdict_is_in_the_address(page: Page, sketched: Served) -> None:
    search(page, sketched, "something", count=5)
    cards(page).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Bad result")).to_be_visible()
    settled(page)
    dialog.get_by_role("button", name="Bad result").click()

    expect(page).to_have_url(re.compile(r"unlike=\d+"))
    expect(page.get_by_text("0 right, 1 wrong")).to_be_visible()


def test_more_like_this_leads_to_a_search(page: Page, sketched: Served) -> None:
    page.goto(f"{sketched.address}/browse?play=1")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="More like this").click()

    expect(page).to_have_url(re.compile(r"q=(%40|@)1"))
    expect(cards(page).first).to_be_visible()


def test_the_wall_opens_a_segment_by_keyboard(page: Page, sketched: Served) -> None:
    page.goto(f"{sketched.address}/browse")
    tiles = page.locator("[class*='st-key-tile-']")
    expect(tiles).to_have_count(6)
    settled(page)
    tiles.first.get_by_role("button").focus()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"play=\d+"))
    expect(page.get_by_role("dialog").locator("video")).to_be_visible()


def test_the_wall_is_ordered_by_likeness_in_an_address_of_its_own(
    page: Page, sketched: Served
) -> None:
    page.goto(f"{sketched.address}/browse")
    page.get_by_text("By likeness").click()
    expect(page).to_have_url(re.compile(r"by=likeness"))
    expect(page.locator("[class*='st-key-tile-']")).to_have_count(6)
    page.get_by_text("Pictures", exact=True).click()
    expect(page).to_have_url(re.compile(r"show=keyframe"))
    page.goto(f"{sketched.address}/browse?by=nonsense&page=-4&cell=a.b")
    expect(page.locator("[class*='st-key-tile-']")).to_have_count(6)
