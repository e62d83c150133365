"""When a watched file is still."""

import os
from pathlib import Path

import pytest

from indexer.discover import discover
from indexer.watch import Look, Watch, pause_s, stamps
from tests.corpus import shots, write_clip

A, B = Path("/v/a.mp4"), Path("/v/b.mp4")
NOTHING = Look()


def due(*paths: Path) -> Look:
    return Look(frozenset(paths))


def test_a_file_is_due_when_it_has_not_changed_for_a_while():
    watch = Watch(still_s=5)
    assert watch.look({A: (1, 1)}, 0) == NOTHING
    assert watch.look({A: (2, 2)}, 4) == NOTHING
    assert watch.look({A: (2, 2)}, 8) == NOTHING
    assert watch.look({A: (2, 2)}, 9) == due(A)
    watch.indexed({A: (2, 2)}, [A])
    assert watch.look({A: (2, 2)}, 10) == NOTHING


def test_a_file_whose_time_changes_but_not_its_size_is_not_due():
    watch = Watch(still_s=5)
    for second in range(0, 40, 4):
        assert not watch.look({A: (100, second)}, second).is_due


def test_others_do_not_wait_for_a_restless_file():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1)}, 0)
    assert watch.look({A: (1, 1), B: (1, 1)}, 5) == due(A)
    watch.indexed({A: (1, 1), B: (1, 1)}, [A])
    assert watch.look({A: (1, 1), B: (1, 1)}, 9) == NOTHING
    assert watch.look({A: (1, 1), B: (1, 1)}, 10) == due(B)


def test_what_changes_again_is_due_again_when_it_is_still():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1)}, 0)
    watch.indexed({A: (1, 1)}, [A])
    assert watch.look({A: (9, 9)}, 2) == NOTHING
    watch.indexed({A: (9, 9)}, [])
    assert watch.look({A: (9, 9)}, 7) == due(A)


def test_what_is_gone_is_noticed_once_and_is_due_when_it_is_back():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1), B: (1, 1)}, 0)
    watch.indexed({A: (1, 1), B: (1, 1)}, [A, B])
    assert watch.look({A: (1, 1)}, 1) == Look(has_lost=True)
    watch.indexed({A: (1, 1)}, [])
    assert watch.look({A: (1, 1)}, 2) == NOTHING
    assert watch.look({A: (1, 1), B: (1, 1)}, 3) == NOTHING
    assert watch.look({A: (1, 1), B: (1, 1)}, 7) == NOTHING
    assert watch.look({A: (1, 1), B: (1, 1)}, 8) == due(B)


def test_a_file_that_goes_before_it_is_still_is_nothing():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1)}, 0)
    assert watch.look({}, 9) == NOTHING


def test_at_the_beginning_old_files_are_still_and_new_ones_are_not():
    now = 10**18
    watch = Watch(still_s=5)
    seen = {A: (1, now - 60 * 10**9), B: (1, now - 10**9)}
    assert watch.begin(seen, 100, clock_ns=now) == due(A)
    assert watch.look(seen, 104) == due(A, B)


def test_a_clock_that_is_behind_the_files_does_no_harm():
    watch = Watch(still_s=5)
    assert watch.begin({A: (1, 2 * 10**18)}, 0, clock_ns=10**18) == NOTHING
    assert watch.look({A: (1, 2 * 10**18)}, 5) == due(A)


def names(seen: dict[Path, tuple[int, int]], root: Path) -> list[str]:
    return sorted(os.path.relpath(path, root) for path in seen)


def test_all_but_hidden_and_unfinished_files_are_seen(tmp_path):
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in ("a.mp4", ".hidden.mp4", "sub/b\n.mkv", "sub/deep/c", "d.mp4.part", "e.CRDOWNLOAD"):
        (tmp_path / name).write_bytes(b"12345")
    seen = stamps([tmp_path, tmp_path / "absent"])
    assert names(seen, tmp_path) == ["a.mp4", "sub/b\n.mkv", "sub/deep/c"]
    assert seen[tmp_path / "a.mp4"][0] == 5


def test_a_file_goes_by_the_name_that_indexing_knows_it_by(tmp_path):
    real, elsewhere = tmp_path / "root" / "real", tmp_path / "elsewhere"
    for folder in (real, elsewhere):
        folder.mkdir(parents=True)
        write_clip(folder / "a.mp4", shots([3]))
    (tmp_path / "root" / "link").symlink_to(real)
    (real / "loop").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "outside").symlink_to(elsewhere)
    (tmp_path / "root" / "gone").symlink_to(tmp_path / "nothing")
    root = tmp_path / "root"
    assert names(stamps([root]), root) == ["real/a.mp4"]
    assert list(stamps([root])) == [found.path for found in discover([root]).files]


def test_the_librarys_own_files_are_not_watched(tmp_path):
    (tmp_path / "library").mkdir()
    for name in ("a.mp4", "library/catalog.db", "library/clip.mp4"):
        (tmp_path / name).write_bytes(b"12345")
    assert names(stamps([tmp_path], own=tmp_path / "library"), tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(("look_s", "waits_s"), [(0.01, 5), (0.25, 5), (1.0, 20)])
def test_looking_takes_a_small_part_of_the_time(look_s, waits_s):
    assert pause_s(5, look_s) == waits_s
