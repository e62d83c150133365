"""Filling the cache before a run: alone, and beside other processes of the same run."""

from pathlib import Path
from typing import Any

import pytest

from indexer.datasets.clips import CaptionedClip, ClipWindow, Dataset
from indexer.datasets.frames.cache import FillReport
from models.errors import KinodexError
from search.catalog.lock import LibraryBusy
from tasks.training import cached_clips
from tasks.training.cached_clips import decodable, fill_cache

FAILED = FillReport(1, 0, {ClipWindow(Path("/v/a.mp4")): "it is odd"})


class Cache:
    """Another process holds it for the first few times that it is filled."""

    def __init__(self, held: int, cause: type[Exception] | None = LibraryBusy) -> None:
        self.asked, self._held, self._cause = 0, held, cause

    def fill(self, windows: list[ClipWindow], *, on_progress: object) -> FillReport:
        self.asked += 1
        if self.asked > self._held:
            return FAILED
        error = KinodexError("another Kinodex is filling the frame cache")
        raise error from (self._cause("busy") if self._cause else None)


def filled(cache: Any) -> FillReport:
    return fill_cache(cache, [], said={"what": "clip", "treated": "left out"})


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited."""
    waited: list[float] = []
    monkeypatch.setattr(cached_clips.time, "sleep", waited.append)
    return waited


def test_what_cannot_be_decoded_is_said(capsys, naps):
    assert filled(Cache(0)) == FAILED
    assert capsys.readouterr().err.split("\n")[-3:] == [
        "1 clip left out:",
        "  /v/a.mp4: it is odd",
        "",
    ]
    assert naps == []


def test_one_process_of_several_fills_and_speaks_while_the_others_wait(capsys, naps, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "1")
    cache = Cache(2)
    assert filled(cache) == FAILED
    assert (cache.asked, naps) == (3, [1, 1])
    assert capsys.readouterr().err.strip() == ""
    monkeypatch.setenv("RANK", "0")
    assert filled(Cache(0)) == FAILED
    assert "1 clip left out" in capsys.readouterr().err


def test_a_process_by_itself_waits_for_nobody_and_other_trouble_is_told_at_once(naps, monkeypatch):
    with pytest.raises(KinodexError, match="another Kinodex"):
        filled(Cache(1))
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(KinodexError, match="another Kinodex"):
        filled(Cache(1, cause=OSError))
    with pytest.raises(KinodexError, match="another Kinodex"):
        filled(Cache(1, cause=None))
    assert naps == []


def test_nothing_that_can_be_decoded_is_an_error():
    clips = (CaptionedClip("a", Path("a"), "x"), CaptionedClip("b", Path("b"), "y"))
    dataset = Dataset("pairs", "train", clips)
    assert decodable(dataset, [ClipWindow(Path("a"))]).captions == ["y"]
    assert decodable(dataset, []) == dataset
    with pytest.raises(KinodexError, match=r"no video of pairs \(split 'train'\) can be decoded"):
        decodable(dataset, [clip.window for clip in clips])
