"""Folders that are asked for, and which of a video's places is told first."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.finding.filters import AskedFolders, asked_first
from search.finding.hits import Hit, Why
from search.queries.query import Filters


@pytest.mark.parametrize(
    ("asked", "path", "holds"),
    [
        ("/v", "/v/a.mp4", True),
        ("/v", "/v/deep/a.mp4", True),
        ("/v", "/videos/a.mp4", False),
        ("/v/a.mp4", "/v/a.mp4", True),
        ("/v/a.mp4", "/v/b.mp4", False),
        ("deep", "/v/deep/a.mp4", True),
        ("deep", "/v/deep/er/a.mp4", True),
        ("deep", "/v/deep.mp4", False),
        ("deep", "/v/deeper/a.mp4", False),
        ("deep/er", "/v/deep/er/a.mp4", True),
        ("deep/er", "/v/er/deep/a.mp4", False),
    ],
)
def test_a_folder_is_a_place_or_a_name_on_the_way(asked, path, holds):
    assert AskedFolders.of([asked]).hold_file(Path(path)) is holds
    assert AskedFolders.of(["/elsewhere", asked]).hold_file(Path(path)) is holds


@pytest.fixture
def hit(tmp_path: Path) -> Hit:
    """A video at three places, of which the last two are there."""
    paths = [tmp_path / name / "a.mp4" for name in ("gone", "here", "asked")]
    for path in paths[1:]:
        path.parent.mkdir()
        path.touch()
    return Hit(1, 0, 1, 0, 0.5, None, Why(0.5, 0.5), (), video="hash", paths=tuple(paths))


def first(hit: Hit, *folders: str) -> list[str]:
    [ordered] = asked_first([hit], Filters(folders=folders))
    return [path.parent.name for path in ordered.paths]


def test_places_that_were_asked_for_come_before_others(hit):
    assert first(hit, "asked") == ["asked", "here", "gone"]
    assert first(hit, "here") == ["here", "asked", "gone"]


def test_a_place_that_is_gone_comes_last_even_if_it_was_asked_for(hit):
    assert first(hit, "gone") == ["here", "asked", "gone"]


def test_where_no_folder_was_asked_for_places_stay_in_their_order(hit):
    assert first(hit) == ["gone", "here", "asked"]
    alone = replace(hit, paths=hit.paths[:1])
    assert first(alone, "asked") == ["gone"]
