"""Tags on the page: shown, searched for, and put right by the viewer."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from search.tags.planning import TagRequest
from smallworld.clips.files import write_clip
from smallworld.clips.shots import Shot
from tasks.tag import run_tag
from tasks.terminal.model_flags import ModelFlags
from tests.browser.conftest import CAT, ELEPHANT, PENGUIN
from tests.browser.results import cards, search, settled
from tests.browser.server import Served, serving
from tests.tiny import index

# Without brackets: a label loses them, as they mark placeholders in published lists.
HOSTILE = '"><img src=x onerror=alert(1)> **x** :smile: $z$'


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a library of three videos, tagged with what is to be seen in them."""
    folder = tmp_path_factory.mktemp("tagged")
    (folder / "videos").mkdir()
    for name, picture in (("elephant", ELEPHANT), ("cat", CAT), ("penguin", PENGUIN)):
        write_clip(folder / "videos" / f"{name}.mp4", [Shot(picture, 2.0)])
    (folder / "things.txt").write_text("a cat\nan elephant\na penguin\na bus\n")
    with Store.open(folder / "library", create=True) as library:
        index(library, folder / "videos", backbone=load_backbone(choose_model("bundled")))
    request = TagRequest(str(folder / "things.txt"), "MeanP", None, None, None)
    assert run_tag(folder / "library", request, ModelFlags(), as_json=True) == 0
    with serving(folder / "library") as running:
        yield running


def tags(page: Page) -> Locator:
    return page.get_by_role("dialog").locator("[class*='st-key-tag-row-']")


def play(page: Page, served: Served, name: str) -> None:
    """Open the player on the only video that has a name."""
    search(page, served, "something", count=3)
    cards(page).filter(has_text=name).click()
    expect(page.get_by_role("dialog").get_by_placeholder("Add a tag")).to_be_visible()


def add(page: Page, label: str) -> None:
    field = page.get_by_role("dialog").get_by_placeholder("Add a tag")
    field.fill(label)
    field.press("Enter")
    expect(tags(page).filter(has_text=label)).to_have_count(1)


def take_back(page: Page, label: str) -> None:
    settled(page)
    tags(page).filter(has_text=label).get_by_role("button", name="take back").click()
    expect(tags(page).filter(has_text="as you said")).to_have_count(0)


def test_a_card_shows_what_holds_in_its_moment(page: Page, tagged: Served) -> None:
    page.goto(f"{tagged.address}/?q=a+penguin")

    expect(cards(page).first).to_contain_text(re.compile(r"a penguin \d+ %"))


def test_a_tag_in_the_address_leaves_only_what_has_it(page: Page, tagged: Served) -> None:
    page.goto(f"{tagged.address}/?tag=a+cat")

    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("cat.mp4")
    expect(page).to_have_title("a cat – Kinodex")


def test_a_tag_and_a_text_go_together(page: Page, tagged: Served) -> None:
    page.goto(f"{tagged.address}/?q=an+elephant+in+the+street&tag=a+cat")

    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("cat.mp4")


def test_a_tag_is_chosen_from_those_that_hold_somewhere(page: Page, tagged: Served) -> None:
    page.goto(tagged.address)
    page.get_by_role("combobox").click()
    expect(page.get_by_role("option", name="a bus")).to_have_count(0)
    page.get_by_role("option", name="a penguin").click()

    expect(page).to_have_url(re.compile(r"[?&]tag=a\+penguin"))
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("penguin.mp4")


def test_an_unknown_tag_is_said_in_a_sentence(page: Page, tagged: Served) -> None:
    page.goto(f"{tagged.address}/?tag=a+cta")

    expect(page.get_by_text("did you mean 'a cat'?")).to_be_visible()


def test_a_wrong_tag_is_gone_until_that_is_taken_back(page: Page, tagged: Served) -> None:
    play(page, tagged, "cat.mp4")
    expect(tags(page)).to_have_text(re.compile(r"a cat, \d+ % likely"))
    tags(page).get_by_role("button", name="wrong").click()
    expect(tags(page)).to_contain_text("not a cat, as you said")
    page.keyboard.press("Escape")
    expect(cards(page).filter(has_text="cat.mp4")).not_to_contain_text("a cat")

    play(page, tagged, "cat.mp4")
    take_back(page, "not a cat")

    expect(tags(page)).to_have_text(re.compile(r"a cat, \d+ % likely"))


def test_a_tag_that_is_right_is_kept_as_the_viewers_word(page: Page, tagged: Served) -> None:
    play(page, tagged, "cat.mp4")
    tags(page).get_by_role("button", name="right").click()

    expect(tags(page)).to_contain_text("a cat, as you said")
    take_back(page, "a cat")


def test_a_tag_of_ones_own_is_found_and_shown_as_it_is(page: Page, tagged: Served) -> None:
    play(page, tagged, "elephant.mp4")
    add(page, HOSTILE)
    page.keyboard.press("Escape")
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=HOSTILE).click()

    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0
    play(page, tagged, "elephant.mp4")
    take_back(page, HOSTILE)


def test_a_tag_that_cannot_be_one_is_refused_in_a_sentence(page: Page, tagged: Served) -> None:
    play(page, tagged, "elephant.mp4")
    field = page.get_by_role("dialog").get_by_placeholder("Add a tag")
    field.fill("turned \u202e round")
    field.press("Enter")

    expect(page.get_by_text("holds characters that cannot be shown")).to_be_visible()
    expect(tags(page)).to_have_count(1)
