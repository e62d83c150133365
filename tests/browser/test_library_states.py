"""What the page says when there is nothing to search. One server sees its library change."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from search.catalog.store import Store
from tests.browser.server import Served, serving


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bare") / "**library**"
    Store.open(folder, create=True).close()
    with serving(folder) as running:
        yield running


@pytest.fixture
def folder(bare: Served) -> Path:
    """The library's folder, empty and without a catalog."""
    shutil.rmtree(bare.library)
    bare.library.mkdir()
    return bare.library


def test_an_empty_library_says_how_to_fill_it(page: Page, bare: Served, folder: Path) -> None:
    Store.open(folder, create=True).close()

    page.goto(f"{bare.address}/?q=a+cat")

    expect(page.get_by_text("run 'kinodex index FOLDER' first.")).to_be_visible()
    expect(page.get_by_text(str(folder))).to_be_visible()


def test_a_missing_library_says_how_to_make_one(page: Page, bare: Served, folder: Path) -> None:
    page.goto(bare.address)

    expect(page.get_by_text("There is no library in")).to_be_visible()


def test_a_damaged_catalog_is_said_in_a_sentence(page: Page, bare: Served, folder: Path) -> None:
    (folder / "catalog.db").write_bytes(b"not a database " * 1000)

    page.goto(bare.address)

    expect(page.get_by_text("file is not a database")).to_be_visible()
