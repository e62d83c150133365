"""When a watched file is still."""

import os
from pathlib import Path

import pytest

from indexer.watch import Look, Watch, pause_s, stamps

A, B = Path("/v/a.mp4"), Path("/v/b.mp4")
NOTHING = Look(False, frozenset())


def test_a_file_is_due_when_it_has_not_changed_for_a_while():
    watch = Watch(still_s=5)
    assert watch.look({A: (1, 1)}, 0) == Look(False, frozenset({A}))
    assert watch.look({A: (2, 2)}, 4) == Look(False, frozenset({A}))
    assert watch.look({A: (2, 2)}, 8) == Look(False, frozenset({A}))
    assert watch.look({A: (2, 2)}, 9) == Look(True, frozenset())
    watch.indexed({A: (2, 2)}, ())
    assert watch.look({A: (2, 2)}, 10) == NOTHING


def test_a_file_whose_time_changes_but_not_its_size_is_restless():
    watch = Watch(still_s=5)
    for second in range(0, 40, 4):
        assert watch.look({A: (100, second)}, second).restless == {A}


def test_others_do_not_wait_for_a_restless_file():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1)}, 0)
    shown = watch.look({A: (1, 1), B: (1, 1)}, 5)
    assert shown == Look(True, frozenset({B}))
    watch.indexed({A: (1, 1), B: (1, 1)}, shown.restless)
    assert watch.look({A: (1, 1), B: (1, 1)}, 9) == Look(False, frozenset({B}))
    assert watch.look({A: (1, 1), B: (1, 1)}, 10) == Look(True, frozenset())


def test_what_changes_again_or_goes_is_due_again():
    watch = Watch(still_s=5)
    watch.look({A: (1, 1), B: (1, 1)}, 0)
    watch.indexed({A: (1, 1), B: (1, 1)}, ())
    assert watch.look({A: (1, 1)}, 1).is_due
    watch.indexed({A: (1, 1)}, ())
    assert watch.look({A: (9, 9)}, 2).restless == {A}
    assert watch.look({A: (9, 9)}, 7).is_due


def test_at_the_beginning_old_files_are_still_and_new_ones_are_not():
    now = 10**18
    watch = Watch(still_s=5)
    shown = watch.begin({A: (1, now - 60 * 10**9), B: (1, now - 10**9)}, 100, clock_ns=now)
    assert shown == Look(True, frozenset({B}))
    assert watch.look({A: (1, now - 60 * 10**9), B: (1, now - 10**9)}, 104).restless == set()


def test_a_clock_that_is_behind_the_files_does_no_harm():
    watch = Watch(still_s=5)
    assert watch.begin({A: (1, 2 * 10**18)}, 0, clock_ns=10**18).restless == {A}
    assert watch.look({A: (1, 2 * 10**18)}, 5).is_due


def test_all_but_hidden_files_are_seen_and_circles_end(tmp_path):
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in ("a.mp4", ".hidden.mp4", "sub/b\n.mkv", "sub/deep/c"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    seen = stamps([tmp_path, tmp_path / "absent"])
    names = sorted({os.path.relpath(path, tmp_path) for path in seen if "again" not in path.parts})
    assert names == ["a.mp4", "sub/b\n.mkv", "sub/deep/c"]
    assert seen[tmp_path / "a.mp4"][0] == 5


@pytest.mark.parametrize(("look_s", "waits_s"), [(0.01, 5), (0.25, 5), (1.0, 20)])
def test_looking_takes_a_small_part_of_the_time(look_s, waits_s):
    assert pause_s(5, look_s) == waits_s
