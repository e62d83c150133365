from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from search.catalog.store import ENVIRONMENT_VARIABLE
from tasks.clips.playing import PlayableClip, clips_folder
from ui.web.shared import clip_route
from ui.web.shared.access import signature

PAGE = "http://testserver/browse"


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Somebody at the page of a library with one clip."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    clips_folder(tmp_path).mkdir(parents=True)
    (clips_folder(tmp_path) / "7-1500.mp4").write_bytes(b"a clip")
    (tmp_path / "library.toml").write_text("secret")
    with TestClient(Starlette(routes=[clip_route.route()])) as client:
        yield client


def test_a_clip_is_served_at_the_address_that_was_given(visitor: TestClient) -> None:
    address = clip_route.address_of(PlayableClip(Path("7-1500.mp4"), 1), PAGE)

    assert address.startswith("http://testserver/clips/7-1500.mp4?key=")
    assert visitor.get(address).content == b"a clip"
    assert visitor.get(address, headers={"Range": "bytes=2-3"}).content == b"cl"


@pytest.mark.parametrize("key", ["", "é", "0" * 64])
def test_nothing_is_told_to_those_without_the_address(visitor: TestClient, key: str) -> None:
    assert visitor.get("/clips/7-1500.mp4", params={"key": key}).status_code == 403
    assert visitor.get("/clips/8-0.mp4", params={"key": key}).status_code == 403


def test_a_clip_that_is_kept_no_longer_is_not_found(visitor: TestClient) -> None:
    address = clip_route.address_of(PlayableClip(Path("8-0.mp4"), 0), PAGE)

    assert visitor.get(address).status_code == 404


@pytest.mark.parametrize("name", ["../../library.toml", "..", "7-1500.mp4.draft", "٧-١.mp4"])
def test_nothing_but_clips_is_served_even_with_a_key(visitor: TestClient, name: str) -> None:
    answer = visitor.get(
        "/clips/" + name.replace("/", "%2F").replace(".", "%2E"), params={"key": signature(name)}
    )

    assert answer.status_code == 404
    assert "secret" not in answer.text
