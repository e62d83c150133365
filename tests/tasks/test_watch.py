"""`kinodex index --watch` as a process: files come, grow, go, and it ends when told."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from indexer.reading.settings import IndexSettings
from search.catalog.lock import INDEXING, LibraryBusy, is_held, only_indexer
from search.catalog.spaces import active_space
from search.catalog.summary import failures, summarise
from search.library import Library
from search.tags.reading import active_vocabulary
from tasks.watch import watch_folders
from tests.calling import call, said
from tests.corpus import shots, write_clip
from tests.disks import failing

_WITHIN_S = 60


def head_in_use(library: Library) -> str:
    with library.reading() as session:
        return active_space(session).head


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
                [sys.executable, "-m", "ui.cli.main", *map(str, arguments)], stderr=log, stdout=log
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


def test_a_folder_may_disappear_and_come_back(watched):
    (watched.videos / "broken.mp4").write_text("no video")
    until(lambda: watched.said("it is a text, not a video"))
    watched.videos.rename(watched.videos.with_name("unmounted"))
    until(lambda: watched.said("is not there: nothing was taken out of the library"))
    assert watched.indexed() == 1
    watched.videos.with_name("unmounted").rename(watched.videos)
    until(lambda: watched.said("1 unchanged, 1 failed before"))
    write_clip(watched.videos / "next.mp4", shots([7]))
    until(lambda: watched.indexed() == 2)
    until(lambda: watched.log.read_text().count("1 video indexed") == 2)
    # A broken file is said when it is new or looked into again, and not with each that comes.
    assert watched.log.read_text().count("it is a text") == 2
    assert watched.process.poll() is None


def test_an_unfinished_download_waits_for_its_name(watched):
    write_clip(watched.videos / "film.mp4", shots([9]))
    (watched.videos / "film.mp4").rename(watched.videos / "film.mp4.part")
    write_clip(watched.videos / "other.mp4", shots([7]))
    until(lambda: watched.indexed() == 2)
    (watched.videos / "film.mp4.part").rename(watched.videos / "film.mp4")
    until(lambda: watched.indexed() == 3)
    assert not watched.said("gone")


def test_what_is_tagged_otherwise_meanwhile_stays_so(watched, tmp_path):
    (tmp_path / "words.txt").write_text("a cat\na dog\n")
    arguments = ("--library", watched.library, "--vocabulary", tmp_path / "words.txt")
    assert call("tag", *arguments) == 0
    write_clip(watched.videos / "second.mp4", shots([8]))
    until(lambda: watched.indexed() == 2)
    until(lambda: not is_held(watched.library, INDEXING))
    with Library.open(watched.library) as library, library.reading() as session:
        assert active_vocabulary(session).name == "words.txt"


def test_a_library_that_is_fused_otherwise_meanwhile_is_gone_on_with(watched):
    until(lambda: watched.said("watching 1 place"))
    with Library.open(watched.library) as library:
        assert head_in_use(library) == "seqTransf"
    assert call("fuse", "--head", "meanP", "-l", watched.library) == 0
    write_clip(watched.videos / "second.mp4", shots([12]))
    until(lambda: watched.indexed() == 2)
    assert watched.process.poll() is None
    assert watched.said("going on with what it uses now")
    with Library.open(watched.library) as library:
        assert head_in_use(library) == "meanP"


def test_it_can_be_ended_while_it_indexes(watched):
    write_clip(watched.videos / "long.mp4", shots([10] * 200))
    until(lambda: is_held(watched.library, INDEXING))
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(_WITHIN_S) == 0
    assert watched.said("stopping: what is finished is kept")
    assert watched.indexed() == 1
    with Library.open(watched.library) as library:
        assert failures(library) == []


def test_a_file_that_cannot_be_read_is_tried_again_when_it_can_be(tmp_path):
    library, stop, rounds = tmp_path / "library", threading.Event(), []
    library.mkdir()
    (tmp_path / "videos").mkdir()
    clip = write_clip(tmp_path / "videos" / "a.mp4", shots([5]))
    disk = ExitStack()

    def run(_work: object) -> int:
        rounds.append(time.monotonic())
        if len(rounds) == 1:
            threading.Timer(0.3, disk.close).start()  # the disk is well again
        else:
            stop.set()
        return 0

    settings = IndexSettings(watch_every_s=0.05, watch_still_s=0.0)
    threading.Timer(5.0, stop.set).start()
    with disk:
        disk.enter_context(failing(clip))
        assert watch_folders([clip.parent], library, settings, stop, run) == 0
    assert len(rounds) == 2


def test_a_library_among_its_videos_is_not_indexed_for_ever(tmp_path):
    library, stop, rounds = tmp_path / "library", threading.Event(), []
    library.mkdir()

    def run(_work: object) -> int:
        (library / "catalog.db").write_text(str(rounds))
        rounds.append(time.monotonic())
        return 0

    settings = IndexSettings(watch_every_s=0.05, watch_still_s=0.05)
    threading.Timer(1.0, stop.set).start()
    assert watch_folders([tmp_path], library, settings, stop, run) == 0
    assert len(rounds) == 1


class Rounds:
    """A watch in this process: what is due in each of its rounds, which are ended by a list."""

    def __init__(self, library: Path, *paths: Path, still_s: float = 0.0) -> None:
        self.due: list[set[str]] = []
        self.stop = threading.Event()
        self._library, self._paths = library, paths
        self._settings = IndexSettings(watch_every_s=0.05, watch_still_s=still_s)
        threading.Timer(10.0, self.stop.set).start()

    def run(self, *steps: Callable[[], object]) -> int:
        """One round for each step, which is what happens after it; the last one ends the watch."""
        waiting = list(steps)

        def round_of(work: Any) -> int:
            work(self)
            step = waiting.pop(0)
            if not waiting:
                self.stop.set()
            step()
            return 0

        return watch_folders(self._paths, self._library, self._settings, self.stop, round_of)

    def index(self, paths: list[Path], *, only: frozenset[Path]) -> None:
        assert list(paths) == list(self._paths)
        self.due.append({path.name for path in only})


def nothing() -> None:
    """What happens after a round in which nothing happens."""


def busy() -> None:
    raise LibraryBusy("another process is at it")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    (tmp_path / "library").mkdir()
    (tmp_path / "videos").mkdir()
    write_clip(tmp_path / "videos" / "a.mp4", shots([5]))
    return tmp_path / "videos"


def test_each_file_is_due_once_and_what_comes_or_goes_starts_another_round(videos, capsys):
    rounds = Rounds(videos.parent / "library", videos)
    second = videos / "b.mp4"
    code = rounds.run(lambda: shutil.copy(videos / "a.mp4", second), second.unlink, nothing)
    assert (code, rounds.due) == (0, [{"a.mp4"}, {"b.mp4"}, set()])
    assert said(capsys) == "watching 1 place for more; Ctrl-C ends it"


def test_the_first_round_is_due_though_nothing_is_still(videos):
    rounds = Rounds(videos.parent / "library", videos, still_s=1000.0)
    assert rounds.run(nothing) == 0
    assert rounds.due == [set()]


def test_a_watch_that_was_stopped_before_does_nothing(videos):
    rounds = Rounds(videos.parent / "library", videos)
    rounds.stop.set()
    assert rounds.run(nothing) == 0
    assert rounds.due == []


def test_another_process_is_waited_for_and_that_is_said_once(videos, capsys):
    rounds = Rounds(videos.parent / "library", videos)
    assert rounds.run(busy, busy, nothing) == 0
    assert rounds.due == [{"a.mp4"}] * 3
    assert said(capsys) == "another process is at work on this library: waiting for it"


def test_a_watch_that_ends_with_its_first_round_promises_nothing(videos, capsys):
    assert Rounds(videos.parent / "library", videos).run(nothing) == 0
    assert said(capsys) == ""


def test_a_library_among_the_videos_is_left_out_unless_it_holds_them(videos):
    inside = videos / "library"
    inside.mkdir()
    shutil.copy(videos / "a.mp4", inside / "own.mp4")
    rounds = Rounds(inside, videos)
    rounds.run(nothing)
    assert rounds.due == [{"a.mp4"}]
    rounds = Rounds(videos, videos / "library")
    rounds.run(nothing)
    assert rounds.due == [{"own.mp4"}]


def test_a_service_that_is_ended_stops_as_after_ctrl_c(videos, capsys):
    before = signal.getsignal(signal.SIGTERM)
    rounds = Rounds(videos.parent / "library", videos)

    def end() -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)

    assert rounds.run(end, nothing) == 0
    assert len(rounds.due) == 1
    assert said(capsys) == "stopping: what is finished is kept"
    assert signal.getsignal(signal.SIGTERM) is before
