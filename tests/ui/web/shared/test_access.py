"""Who may change things on the page, and which folders may be named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import KinodexError
from search.catalog.settings import UiSettings
from ui.web.gate import visitors
from ui.web.shared.access import ADDRESS_VARIABLE, checked_folder, may_change, ui_settings


@pytest.fixture(autouse=True)
def everybody_is_in() -> Iterator[None]:
    visitors.ask_for(None)
    yield
    visitors.let_nobody_in()


@pytest.fixture(params=["127.0.0.1", "::1", "localhost"])
def on_this_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, request.param)


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, "127.0.0.1")


@pytest.fixture(params=["0.0.0.0", "192.168.1.7", "example.org", "", "::"])
def open_to_others(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS_VARIABLE, request.param)


@pytest.mark.usefixtures("on_this_machine")
def test_on_a_page_of_this_machine_things_may_be_changed() -> None:
    assert may_change(UiSettings(), {})


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip"])
def test_what_a_proxy_passes_on_is_not_from_this_machine(header: str) -> None:
    assert not may_change(UiSettings(), {header: "10.0.0.1"})


@pytest.mark.usefixtures("open_to_others")
def test_on_a_page_that_is_open_to_others_nothing_may_be_changed() -> None:
    assert not may_change(UiSettings(), {})


@pytest.mark.usefixtures("open_to_others")
def test_the_settings_may_allow_changes_to_all() -> None:
    assert may_change(UiSettings(allow_changes="always"), {})


@pytest.mark.usefixtures("at_home")
def test_the_settings_may_forbid_changes_to_all() -> None:
    assert not may_change(UiSettings(allow_changes="never"), {})


@pytest.mark.usefixtures("at_home")
def test_a_folder_that_is_there_may_be_added(tmp_path: Path) -> None:
    assert checked_folder(f"  {tmp_path} ", UiSettings()) == tmp_path.resolve()


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "type the path"),
        ("videos", "type the whole path"),
        ("/no/such/place", "there is no file or folder '/no/such/place'"),
        ("/", "the whole disk"),
        ("//../.", "the whole disk"),
        ("/tmp/\0", "can have such a name"),
        ("~nobody-of-this-name/x", "can have such a name"),
        ("/" + "x" * 3000, "."),
        ("/dev/null", "there is no file or folder"),
    ],
)
def test_what_cannot_be_added_is_said_in_a_sentence(typed: str, why: str) -> None:
    with pytest.raises(KinodexError, match=why):
        checked_folder(typed, UiSettings())


@pytest.mark.usefixtures("open_to_others")
def test_others_can_name_no_folder_unless_the_settings_list_some(tmp_path: Path) -> None:
    with pytest.raises(KinodexError, match="cannot be added here"):
        checked_folder(str(tmp_path), UiSettings(allow_changes="always"))

    settings = UiSettings(allow_changes="always", folders=[str(tmp_path)])
    assert checked_folder(str(tmp_path), settings) == tmp_path.resolve()


@pytest.mark.usefixtures("at_home")
def test_listed_folders_shut_out_all_others(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    for folder in (allowed, other):
        folder.mkdir()
    (allowed / "way-out").symlink_to(other)
    settings = UiSettings(folders=[str(allowed)])

    for typed in (other, allowed / ".." / "other", allowed / "way-out", tmp_path / "not-there"):
        with pytest.raises(KinodexError, match="only these folders may be added"):
            checked_folder(str(typed), settings)


def test_settings_are_read_before_there_is_a_library(tmp_path: Path) -> None:
    (tmp_path / "library.toml").write_text('[ui]\nallow_changes = "never"\n')

    assert ui_settings(tmp_path).allow_changes == "never"


def test_a_wrong_setting_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "library.toml").write_text("[ui]\nupload_limit_mb = 0\n")

    with pytest.raises(KinodexError, match=r"\[ui\], upload_limit_mb: "):
        ui_settings(tmp_path)
