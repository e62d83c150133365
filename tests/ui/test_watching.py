"""`kinodex index --watch` as a process: files come, grow, go, and it ends when told."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.library import Library
from search.lock import only_indexer
from search.summary import failures, summarise
from tests.corpus import shots, write_clip

_WITHIN_S = 60


def until(true: Callable[[], bool]) -> None:
    """Wait for something that will come true."""
    deadline = time.monotonic() + _WITHIN_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


class Watched:
    """A folder that a process watches."""

    def __init__(self, place: Path) -> None:
        self.videos, self.library = place / "videos", place / "library"
        self.videos.mkdir()
        self.library.mkdir()
        (self.library / "library.toml").write_text(
            "[index]\nwatch_every_s = 0.2\nwatch_still_s = 1.0\n"
        )
        write_clip(self.videos / "first.mp4", shots([10]))
        self.log = place / "log"
        arguments = ["index", self.videos, "-l", self.library, "-m", "bundled", "--watch"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ui.cli", *map(str, arguments)], stderr=log, stdout=log
            )

    def indexed(self) -> int:
        if not (self.library / "catalog.db").is_file():
            return 0
        with Library.open(self.library) as library:
            return summarise(library).indexed

    def said(self, words: str) -> bool:
        return words in self.log.read_text()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    until(lambda: watched.said("for more; Ctrl-C ends it"))
    yield watched
    watched.process.kill()
    watched.process.wait()


def test_files_are_indexed_when_they_are_whole_and_found_at_once(watched, tmp_path):
    assert watched.indexed() == 1
    whole = write_clip(tmp_path / "second.mp4", shots([12, 8])).read_bytes()
    with (watched.videos / "second.mp4").open("wb") as file:
        for start in range(0, len(whole), len(whole) // 6 + 1):
            file.write(whole[start : start + len(whole) // 6 + 1])
            file.flush()
            time.sleep(0.4)
            assert watched.indexed() == 1
    with Library.open(watched.library) as library:
        until(lambda: watched.indexed() == 2)
        assert len(library.search("anything")) == 2
        assert failures(library) == []
    (watched.videos / "sub").mkdir()
    (watched.videos / "first.mp4").rename(watched.videos / "sub" / "moved.mp4")
    until(lambda: watched.said("already known under another name"))
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(_WITHIN_S) == 0


def test_others_may_index_between_and_are_waited_for(watched, tmp_path):
    with only_indexer(watched.library):
        write_clip(watched.videos / "third.mp4", shots([9]))
        until(lambda: watched.said("waiting for it"))
        assert watched.indexed() == 1
    until(lambda: watched.indexed() == 2)
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(_WITHIN_S) == 0
