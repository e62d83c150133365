"""Compiled models on the disk are whole or not there, and take a bounded place."""

import os
import time
from pathlib import Path

import pytest

from models.clip.engines import cache
from models.errors import KinodexError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


def put(key: str, size: int = 10, *, used: float | None = None) -> cache.Entry:
    with cache.new_entry(key) as new:
        new.add("tower", bytes(size))
        entry = new.finish({"of": key})
    if used is not None:
        os.utime(entry.folder, (used, used))
    return entry


def keys() -> list[str]:
    return [entry.folder.name for entry in cache.entries()]


def test_what_is_kept_is_found(folder):
    put("one", 3)
    entry = cache.find("one")
    assert (entry.card, entry.folder) == ({"of": "one"}, folder / "one")
    assert entry.read("tower")[:] == bytes(3)
    assert cache.find("two") is None
    assert sorted(one.name for one in folder.iterdir()) == ["one"]


@pytest.mark.parametrize("damage", ["flipped", "shorter", "empty", "gone"])
def test_damage_is_noticed(damage):
    entry = put("one", 1000)
    file = entry.folder / "tower"
    content = bytearray(file.read_bytes())
    content[500] ^= 1
    changed = {"flipped": bytes(content), "shorter": bytes(999), "empty": b""}
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(changed[damage])
    with pytest.raises(cache.UnusableEntry, match=r"tower (is damaged|cannot be read)"):
        cache.find("one").read("tower")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"card": {}}', b'{"card": 1, "sums": 2}'])
def test_a_card_that_says_nothing_is_none(content):
    (put("one").folder / "card.json").write_bytes(content)
    assert cache.find("one") is None


def test_a_second_one_takes_the_place_of_the_first():
    put("one", 5)
    put("one", 7)
    assert len(cache.find("one").read("tower")) == 7


def test_what_is_not_finished_is_not_there(folder):
    with pytest.raises(RuntimeError), cache.new_entry("one") as new:
        new.add("tower", b"half")
        raise RuntimeError
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_no_error(folder, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with cache.new_entry("one") as new:
        monkeypatch.setattr(Path, "write_bytes", full)
        new.add("tower", b"x")
        entry = new.finish({"of": "one"})
    assert entry.card == {"of": "one"}
    assert str(new.failure) == "[Errno 28] No space left on device"
    assert cache.find("one") is None
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told(folder):
    assert cache.is_writable()
    assert list(folder.iterdir()) == []
    folder.rmdir()
    folder.write_text("a file is in the way")
    assert not cache.is_writable()
    with cache.new_entry("one") as new:
        assert isinstance(new.failure, OSError)
        assert new.finish({"a": 1}).card == {"a": 1}


def test_those_used_longest_ago_go_first(monkeypatch):
    monkeypatch.setenv("KINODEX_MODEL_CACHE_GB", "25e-6")
    now = time.time()
    put("old", 9000, used=now - 300)
    put("older", 9000, used=now - 500)
    put("new", 9000)
    assert sorted(keys()) == ["new", "old"]
    assert cache.find("old") is not None  # now it was used last
    put("next", 9000)
    assert "old" in keys()
    put("too large", 90_000)
    assert keys() == ["too large"]


def test_a_bound_that_is_no_number_is_a_mistake(monkeypatch):
    assert cache.most_bytes() == 10e9
    for wrong in ("much", "-1", "nan"):
        monkeypatch.setenv("KINODEX_MODEL_CACHE_GB", wrong)
        with pytest.raises(KinodexError, match=f"must be a number of gigabytes, not '{wrong}'"):
            cache.most_bytes()


def test_looking_at_all_is_no_use_of_them():
    put("one", used=1000.0)
    assert keys() == ["one"]
    assert (cache.cache_folder() / "one").stat().st_mtime == 1000.0


def test_drafts_that_a_kill_has_left_go_after_an_hour(folder):
    put("one")
    for name, age in (("left.tmp", 3700), ("in work.tmp", 3500)):
        (folder / name).mkdir()
        os.utime(folder / name, (time.time() - age,) * 2)
    put("two")
    assert not (folder / "left.tmp").exists()
    assert (folder / "in work.tmp").exists()


def test_all_is_cleared(folder, tmp_path):
    put("one", 10)
    put("two", 20)
    cache.remember("a choice", "one", [], {})
    entries, size = cache.clear()
    assert entries == 2
    assert size > 30
    assert list(folder.iterdir()) == []
    assert cache.clear() == (0, 0)


def test_a_choice_is_recalled_while_its_files_and_libraries_stay(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    weights.write_bytes(b"abc")
    cache.remember("mine", "key", [weights], {"torch": "1"})
    assert cache.recall("mine", {"torch": "1"}) == "key"
    assert cache.recall("mine", {"torch": "2"}) is None
    assert cache.recall("yours", {"torch": "1"}) is None
    own = cache._note("mine")
    with monkeypatch.context() as patch:  # as if both had the same file name
        patch.setattr(cache, "_note", lambda _: own)
        assert cache.recall("yours", {"torch": "1"}) is None
        assert cache.recall("mine", {"torch": "1"}) == "key"
    os.utime(weights, (5, 5))
    assert cache.recall("mine", {"torch": "1"}) is None
    weights.unlink()
    assert cache.recall("mine", {"torch": "1"}) is None


def test_a_choice_of_several_files_is_recalled_while_all_of_them_stay(tmp_path):
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.write_bytes(b"abc")
    cache.remember("mine", "key", files, {})
    assert cache.recall("mine", {}) == "key"
    files[1].write_bytes(b"abcd")
    assert cache.recall("mine", {}) is None


def test_what_just_fits_stays(monkeypatch):
    put("one", 1000, used=1000.0)
    size = cache.size_of(put("two", 1000, used=2000.0).folder)
    assert size == sum(one.stat().st_size for one in (cache.cache_folder() / "two").iterdir())
    monkeypatch.setattr(cache, "most_bytes", lambda: 3 * size)
    put("six", 1000)
    assert keys() == ["six", "two", "one"]
    monkeypatch.setattr(cache, "most_bytes", lambda: 3 * size - 1)
    put("six", 1000)
    assert keys() == ["six", "two"]


def test_a_draft_is_no_entry_though_its_card_is_written(folder):
    put("one")
    put("two").folder.rename(folder / f"two.12345678{cache.DRAFT}")
    assert keys() == ["one"]
    cache.drop("nothing")


def test_folders_are_made_with_those_above_them_when_they_are_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "a" / "b"))
    put("one")
    assert keys() == ["one"]
    monkeypatch.setenv("KINODEX_MODEL_CACHE", str(tmp_path / "c" / "d"))
    cache.remember("mine", "key", [], {})
    cache.remember("yours", "other", [], {})
    assert [cache.recall(choice, {}) for choice in ("mine", "yours")] == ["key", "other"]


def test_after_a_failure_no_more_is_written(folder, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with cache.new_entry("one") as new:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", fail)
            new.add("tower", b"x")
        new.add("words", b"y")
        assert [file.name for file in folder.glob("*/*")] == []
        assert new.finish({}).sums.keys() == {"tower"}
    assert cache.find("one") is None
