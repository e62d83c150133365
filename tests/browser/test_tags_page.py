"""The tags view as its user sees it: labels, their segments, what people say, other labels."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import delete

from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from search.catalog.tag_tables import Correction
from search.tags.corrections import say
from search.tags.planning import TagRequest
from smallworld.clips.files import write_clip
from smallworld.clips.shots import Shot
from tasks.tag import run_tag
from tasks.terminal.model_flags import ModelFlags
from tests.browser.conftest import CAT, ELEPHANT, PENGUIN
from tests.browser.results import cards, settled
from tests.browser.server import Served, serving
from tests.tiny import index

SCRIPT = '"><script>alert(1)</script>'
MARKS = "[x](javascript:alert(1)) :material/home: :red[y] $x$ **b** www.example.com"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a library of three videos, tagged with what is to be seen in them."""
    folder = tmp_path_factory.mktemp("tags-view")
    (folder / "videos").mkdir()
    for name, picture in (("elephant", ELEPHANT), ("cat", CAT), ("penguin", PENGUIN)):
        write_clip(folder / "videos" / f"{name}.mp4", [Shot(picture, 2.0)])
    (folder / "things.txt").write_text("a cat\nan elephant\na penguin\na bus\n")
    with Store.open(folder / "library", create=True) as library:
        index(library, folder / "videos", backbone=load_backbone(choose_model("bundled")))
    request = TagRequest(str(folder / "things.txt"), "MeanP")
    assert run_tag(folder / "library", request, ModelFlags(), as_json=True) == 0
    with serving(folder / "library") as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_said(tagged: Served) -> Iterator[None]:
    """What a test says is forgotten after it."""
    yield
    with Store.open(tagged.library) as library, library.writing() as session:
        session.execute(delete(Correction))


def visit(page: Page, served: Served, query: str = "") -> None:
    page.goto(f"{served.address}/tags{query}")
    expect(page.locator(".st-key-tags")).to_be_visible()
    settled(page)


def labels(page: Page) -> Locator:
    return page.locator(".st-key-labels [class*='st-key-open-label-']")


def label(page: Page, name: str) -> Locator:
    """All that is said of one label in the list."""
    return page.locator(".st-key-labels > *").filter(has_text=name)


def press(page: Page, name: str) -> None:
    settled(page)
    page.get_by_role("button", name=name, exact=True).click()


def test_labels_in_use_are_listed_with_counts_and_pictures(page: Page, tagged: Served) -> None:
    visit(page, tagged)

    expect(labels(page)).to_have_text(["a cat", "a penguin", "an elephant"])
    expect(label(page, "a cat")).to_contain_text("1 segment")
    expect(label(page, "a cat").locator("img")).to_have_count(1)
    expect(page.get_by_text("3 labels in use, of 4 known")).to_be_visible()


def test_unused_labels_are_listed_when_asked_for(page: Page, tagged: Served) -> None:
    visit(page, tagged)
    page.get_by_text("Unused labels too").click()

    expect(page).to_have_url(f"{tagged.address}/tags?all=1")
    expect(labels(page)).to_have_text(["a cat", "a penguin", "an elephant", "a bus"])
    expect(label(page, "a bus")).to_contain_text("0 segments")


def test_labels_are_found_by_a_part_of_their_names(page: Page, tagged: Served) -> None:
    visit(page, tagged)
    box = page.get_by_placeholder("Find a label")
    box.fill("PENG")
    box.press("Enter")

    expect(labels(page)).to_have_text(["a penguin"])
    expect(page).to_have_url(f"{tagged.address}/tags?find=PENG")


def test_a_shared_address_shows_the_same_list(page: Page, tagged: Served) -> None:
    visit(page, tagged, "?all=1&sort=name&find=a")

    expect(labels(page)).to_have_text(["a bus", "a cat", "a penguin", "an elephant"])
    expect(page.get_by_placeholder("Find a label")).to_have_value("a")


def test_a_label_shows_its_segments_and_leads_to_a_search(page: Page, tagged: Served) -> None:
    visit(page, tagged)
    page.get_by_role("button", name="a penguin").click()

    expect(page).to_have_url(f"{tagged.address}/tags?label=a+penguin")
    expect(page).to_have_title("a penguin – Kinodex")
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text(re.compile(r"penguin\.mp4.*\d+ % likely", re.DOTALL))
    page.get_by_role("link", name="Search with this tag").click()
    expect(page).to_have_url(re.compile(r"/\?tag=a(\+|%20)penguin"))
    expect(cards(page)).to_contain_text("penguin.mp4")


def test_a_segment_of_a_label_is_watched(page: Page, tagged: Served) -> None:
    visit(page, tagged, "?label=a+cat")
    cards(page).first.click()

    expect(page.get_by_role("dialog")).to_contain_text("cat.mp4")
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{tagged.address}/tags?label=a+cat")


def test_a_wrong_tag_is_counted_no_more_until_that_is_taken_back(
    page: Page, tagged: Served
) -> None:
    visit(page, tagged, "?label=a+cat")
    press(page, "Wrong")
    expect(cards(page)).to_contain_text("not this, as people said")
    expect(page.get_by_text("Holds in 0 segments. Said not to hold in 1.")).to_be_visible()
    press(page, "All labels")
    expect(labels(page)).to_have_text(["a penguin", "an elephant"])

    visit(page, tagged, "?label=a+cat")
    press(page, "Take back")

    expect(cards(page)).to_contain_text("% likely")
    press(page, "All labels")
    expect(labels(page)).to_have_text(["a cat", "a penguin", "an elephant"])


def test_what_people_said_is_listed_and_taken_back(page: Page, tagged: Served) -> None:
    visit(page, tagged, "?label=a+cat")
    press(page, "Right")
    expect(cards(page)).to_contain_text("as people said")
    visit(page, tagged, "?show=said")
    expect(page.get_by_text("cat.mp4, 0:00 – 0:02")).to_be_visible()
    press(page, "Take back")

    expect(page.get_by_text("Nobody has said anything of tags yet")).to_be_visible()
    visit(page, tagged)
    expect(label(page, "a cat")).to_contain_text("1 segment")
    expect(label(page, "a cat")).not_to_contain_text("by people")


@pytest.mark.parametrize("name", [SCRIPT, MARKS])
def test_a_label_is_shown_letter_by_letter(page: Page, tagged: Served, name: str) -> None:
    page.add_init_script("window.alarms = []; window.alert = said => window.alarms.push(said)")
    with Store.open(tagged.library) as library, library.writing() as session:
        say(session, 1, name, holds=True)
    visit(page, tagged)
    opening = page.get_by_role("button", name=name, exact=True)
    expect(opening).to_have_text(name)
    assert opening.locator("a, strong, img, script, .katex, [data-testid*=Icon]").count() == 0
    opening.click()

    expect(page.locator(".st-key-label-name")).to_have_text(name)
    expect(cards(page)).to_have_count(1)
    visit(page, tagged, "?show=said")
    expect(page.get_by_text(name, exact=True)).to_be_visible()
    assert page.evaluate("window.alarms") == []


def test_a_label_that_nobody_knows_is_said_in_a_sentence(page: Page, tagged: Served) -> None:
    visit(page, tagged, "?label=a+cta")

    expect(page.get_by_text("did you mean 'a cat'?")).to_be_visible()


def test_the_view_works_with_the_keyboard_alone(page: Page, tagged: Served) -> None:
    visit(page, tagged)
    page.get_by_role("button", name="a penguin").focus()
    page.keyboard.press("Enter")
    expect(cards(page)).to_contain_text("penguin.mp4")
    settled(page)
    page.get_by_role("button", name="All labels").focus()
    for _ in range(3):  # to the search, to the player, to what can be said
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Right")).to_be_focused()
    page.keyboard.press("Space")

    expect(cards(page)).to_contain_text("as people said")


def test_labels_written_on_the_page_take_the_place_of_the_others(
    page: Page, tagged: Served
) -> None:
    visit(page, tagged, "?show=vocabulary")
    expect(page.get_by_text("In use: things.txt, 4 labels")).to_be_visible()
    page.get_by_role("radio", name="Write a list").click()
    text = page.get_by_role("textbox", name="Labels, one a line")
    text.fill("a tiger\n\ud83d \u202e")
    text.press("Control+Enter")
    expect(page.get_by_text("Line 2: the label")).to_be_visible()
    text.fill("an elephant\na tiger\n# no label\na tiger\na penguin\na cat\n")
    text.press("Control+Enter")
    expect(page.get_by_text("4 labels, 1 of them not in use now; 1 named twice.")).to_be_visible()
    page.get_by_role("textbox", name="Name of the list").fill("Big ../cats")
    page.get_by_role("textbox", name="Name of the list").press("Enter")
    press(page, "Tag with these labels …")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("tags of Big ../cats (4 labels)")
    dialog.get_by_role("button", name="Yes, go on").click()

    expect(page.get_by_text("In use: big-cats.txt, 4 labels")).to_be_visible()
    expect(page.locator(".st-key-work")).to_contain_text("Tagging again: done")
    page.get_by_role("radio", name="Labels", exact=True).click()
    page.get_by_text("Unused labels too").click()
    expect(label(page, "a tiger")).to_be_visible()
    expect(label(page, "a bus")).to_have_count(0)


def test_no_label_is_tagged_with_before_a_yes(page: Page, tagged: Served) -> None:
    visit(page, tagged, "?show=vocabulary")
    press(page, "Tag with these labels …")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("In use: hmdb-51")).to_have_count(0)
