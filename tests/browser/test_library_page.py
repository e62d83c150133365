"""The library view as its user sees it: one server, whose library does not exist at first."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from search.catalog.lock import only_indexer
from search.catalog.progress import ProgressNotes
from search.catalog.store import Store
from search.catalog.summary import failures, summarise
from smallworld.clips.files import write_clip
from smallworld.clips.shots import Shot
from tests.browser.conftest import CAT, ELEPHANT
from tests.browser.results import cards, settled
from tests.browser.server import Served, serving

_HOSTILE = '"><script>document.title=`x`; **y** :red[z] $a$.mp4'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("library-view")
    no_hub = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(place / "no models")}
    with serving(place / "**library**", environment=no_hub) as running:
        yield running


@pytest.fixture
def folder(server: Served) -> Path:
    """The place of the library, where nothing is."""
    shutil.rmtree(server.library, ignore_errors=True)
    return server.library


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("clips")
    write_clip(place / "cat.mp4", [Shot(CAT, 2.0)])
    write_clip(place / "elephant.mp4", [Shot(ELEPHANT, 2.0)])
    return place


@pytest.fixture
def filled(folder: Path, shared: Path) -> Path:
    """A library with one indexed video and a failed one with a hostile name."""
    return Path(shutil.copytree(shared, folder))


@pytest.fixture(scope="module")
def shared(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.calling import call

    place = tmp_path_factory.mktemp("filled")
    shutil.copy(clips / "cat.mp4", place / "cat.mp4")
    (place / _HOSTILE).write_text("no video")
    library = place / "library"
    assert call("index", place, "-l", library, "-m", "bundled", "--head", "meanP") == 3
    return library


def visit(page: Page, server: Served, query: str = "") -> None:
    page.goto(f"{server.address}/library{query}")
    expect(page.get_by_role("heading", name="Library", exact=True)).to_be_visible()
    settled(page)


def choose_bundled(page: Page) -> None:
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="bundled").click()


def add(page: Page, path: Path) -> None:
    box = page.get_by_label("Path of a folder or a video")
    box.fill(str(path))
    box.press("Enter")


def work(page: Page) -> Locator:
    # While the page is made anew the old one may stand before the new one for a moment.
    return page.locator(".st-key-work").last


def upload(page: Page, *files: Path | dict[str, object]) -> Locator:
    """Send files; → the list of what became of them."""
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]
    return page.locator(".files li")


def test_a_library_begins_on_the_page_with_a_folder(
    page: Page, server: Served, folder: Path, clips: Path
) -> None:
    visit(page, server)
    expect(page.get_by_text("Nothing is here yet. Add a folder with videos")).to_be_visible()
    expect(page.get_by_text(str(folder))).to_be_visible()
    choose_bundled(page)
    add(page, clips)

    expect(work(page)).to_contain_text("Indexing")
    expect(work(page)).to_contain_text("2 videos indexed")
    expect(page.get_by_text("2 indexed")).to_be_visible()
    expect(page.get_by_text("elephant.mp4", exact=True)).to_be_visible()
    expect(page.get_by_text("Model bundled, head seqTransf", exact=True)).to_be_visible()


def test_where_no_model_can_be_downloaded_the_one_at_hand_is_offered_by_name(
    page: Page, server: Served, folder: Path, clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_text("running\nsleeping\n")
    folder.mkdir()
    (folder / "library.toml").write_text(f"[tags]\nvocabulary = '{tmp_path / 'labels.txt'}'\n")
    visit(page, server)
    add(page, clips)
    expect(work(page)).to_contain_text("could not be downloaded")
    expect(work(page)).to_contain_text("--model imagenet")
    page.get_by_role("button", name="Use the model imagenet instead").click()

    expect(work(page)).to_contain_text("2 videos indexed")
    expect(page.get_by_text("Model imagenet, head meanP", exact=True)).to_be_visible()


def test_an_uploaded_video_is_indexed_and_found(
    page: Page, server: Served, filled: Path, clips: Path
) -> None:
    visit(page, server)
    rows = upload(page, clips / "elephant.mp4")
    expect(rows).to_have_text("elephant.mp4stored")
    expect(work(page)).to_contain_text("1 video indexed")
    expect(page.get_by_text(str(filled / "uploads"), exact=True)).to_be_visible()
    page.get_by_role("link", name="Search").click()
    page.get_by_placeholder("What happens in the video?").fill("an elephant in the street")
    page.get_by_placeholder("What happens in the video?").press("Enter")

    expect(cards(page).first).to_contain_text("elephant.mp4")
    stored = (filled / "uploads" / "elephant.mp4").read_bytes()
    assert stored == (clips / "elephant.mp4").read_bytes()


def test_what_cannot_be_taken_is_said_beside_its_name(
    page: Page, server: Served, filled: Path
) -> None:
    (filled / "library.toml").write_text("[ui]\nupload_limit_mb = 1\n")
    visit(page, server)
    rows = upload(
        page,
        {"name": _HOSTILE, "mimeType": "video/mp4", "buffer": b"#EXTM3U\n"},
        {"name": "large.mp4", "mimeType": "video/mp4", "buffer": b"x" * 1_000_001},
    )

    expect(rows.nth(0)).to_contain_text(_HOSTILE)
    expect(rows.nth(0)).to_contain_text("it is a playlist (HLS), not a video")
    expect(rows.nth(1)).to_have_text("large.mp4it is larger than 1 MB")
    expect(page).to_have_title("Library – Kinodex")
    assert not (filled / "uploads").exists()


def test_the_title_stays_while_the_view_is_drawn_again(
    page: Page, server: Served, filled: Path
) -> None:
    visit(page, server)
    expect(page).to_have_title("Library – Kinodex")
    page.evaluate(
        """titles = [];
        new MutationObserver(() => titles.push(document.title)).observe(
            document.querySelector("title"), {childList: true, characterData: true, subtree: true})
        """
    )
    page.get_by_role("radio", name="1 failed").click()
    expect(page).to_have_url(f"{server.address}/library?show=failed")
    settled(page)
    assert set(page.evaluate("titles")) <= {"Library – Kinodex"}


def test_a_failed_file_says_why_and_can_be_tried_again(
    page: Page, server: Served, filled: Path, shared: Path, clips: Path
) -> None:
    visit(page, server)
    page.get_by_role("radio", name="1 failed").click()
    expect(page).to_have_url(f"{server.address}/library?show=failed")
    expect(page.get_by_text(_HOSTILE, exact=True)).to_be_visible()
    expect(page.get_by_text("it is a text, not a video (tried once)")).to_be_visible()
    page.locator("[class*='st-key-retry-0'] button").click()
    expect(page.get_by_text("it is a text, not a video (tried 2 times)")).to_be_visible()
    expect(work(page)).to_contain_text("Trying failed files again: done, but some failed")

    failed = shared.parent / _HOSTILE
    shutil.copy(clips / "elephant.mp4", failed)
    page.locator(".st-key-retry-all button").click()
    expect(page.get_by_text("2 indexed")).to_be_visible()
    failed.write_text("no video")
    expect(page.get_by_text("No file has failed.")).to_be_visible()
    expect(page).to_have_title("Library – Kinodex")


def test_a_rebuild_begins_only_after_a_yes(page: Page, server: Served, filled: Path) -> None:
    visit(page, server)
    page.get_by_text("Rebuild and clean up").click()
    page.get_by_role("button", name="Tag again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("What people have corrected is kept")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Tag again").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, go on").click()

    expect(work(page)).to_contain_text("Tagging again: done")


def test_caches_are_deleted_only_after_a_yes(page: Page, server: Served, filled: Path) -> None:
    keyframes = filled / "media" / "keyframes"
    visit(page, server)
    page.get_by_text("Rebuild and clean up").click()
    page.get_by_role("button", name="Delete caches").click()
    assert keyframes.exists()
    page.get_by_role("dialog").get_by_role("button", name="Yes, go on").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    assert not keyframes.exists()
    with Store.open(filled) as library:
        assert summarise(library).videos == 1


def test_two_tabs_see_the_same_work(page: Page, server: Served, filled: Path, clips: Path) -> None:
    other = page.context.new_page()
    with only_indexer(filled):
        notes = ProgressNotes(filled, "fusing")
        notes.write(0.25, 3, 12, "segments")
        visit(page, server)
        expect(work(page)).to_contain_text("Another program is fusing (process ")
        expect(work(page)).to_contain_text("fusing: 3 of 12 segments, 25 %")
        add(page, clips / "elephant.mp4")
        expect(work(page)).to_contain_text("Then: indexing")
        visit(other, server)
        expect(work(other)).to_contain_text("Then: indexing")
        notes.clear()

    for tab in (page, other):
        expect(work(tab)).to_contain_text("Indexing: done")
        expect(tab.get_by_text("2 indexed")).to_be_visible()
    other.close()


def test_work_can_be_stopped_from_another_tab(
    page: Page, server: Served, filled: Path, clips: Path
) -> None:
    other = page.context.new_page()
    with only_indexer(filled):
        visit(page, server)
        add(page, clips / "elephant.mp4")
        expect(work(page)).to_contain_text("Then: indexing")
        visit(other, server)
        other.get_by_role("button", name="Stop").click()
        expect(work(other)).not_to_contain_text("Then: indexing")
        expect(work(page)).not_to_contain_text("Then: indexing")
    expect(work(page)).to_contain_text("stopped; what was finished is kept")
    other.close()


def test_a_wrong_path_is_said_in_a_sentence(page: Page, server: Served, filled: Path) -> None:
    visit(page, server)
    add(page, Path("/no/such/**place**"))

    expect(page.locator(".st-key-message")).to_have_text(
        "There is no file or folder '/no/such/**place**' on this machine."
    )


def test_where_changes_are_not_allowed_there_is_nothing_to_press(
    page: Page, server: Served, filled: Path
) -> None:
    (filled / "library.toml").write_text('[ui]\nallow_changes = "never"\n')
    visit(page, server, "?show=failed")

    expect(page.get_by_text("On this page videos can be looked at only")).to_be_visible()
    expect(page.get_by_text(_HOSTILE, exact=True)).to_be_visible()
    for name in ("Try again", "Add", "Tag again"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.locator("input[type=file]")).to_have_count(0)
    with Store.open(filled) as library:
        assert len(failures(library)) == 1


def test_an_upload_without_the_token_of_a_page_is_refused(
    page: Page, server: Served, filled: Path
) -> None:
    refused = page.request.put(f"{server.address}/upload?name=a.mp4", data=b"\0\0\0\x18ftypisom")

    assert refused.status == 403
    assert not (filled / "uploads").exists()


def test_an_indexed_video_can_be_watched(page: Page, server: Served, filled: Path) -> None:
    visit(page, server)
    page.get_by_role("button", name="Watch").click()

    expect(page.get_by_role("dialog")).to_contain_text("cat.mp4")
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
