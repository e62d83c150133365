"""Compiled models and texts that models have read, on the disk; the oldest goes first.

Each entry is a folder, whole or not there. Free of torch and of OpenVINO. What lies here can be
made again at any time.
"""

import contextlib
import json
import mmap
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import KinodexError
from models.files import DRAFT, replaced_whole

FOLDER_VARIABLE = "KINODEX_MODEL_CACHE"
SIZE_VARIABLE = "KINODEX_MODEL_CACHE_GB"
_USUAL_GB = 10.0
_CARD = "card.json"
# A younger draft may be in the hands of somebody who writes it now.
_DRAFT_AGE_S = 3600.0


class UnusableEntry(Exception):
    """An entry that is damaged, or not what it should be: it is made again."""


@dataclass(frozen=True)
class Entry:
    """A compiled model, or texts that one has read: its values, and the files beside them.

    card: plain values; sums: CRC-32 of each file. They tell damage, not malice: who can write here
    can also change the program.
    """

    folder: Path
    card: dict[str, Any]
    sums: dict[str, int]

    def read(self, name: str) -> mmap.mmap:
        """The content of one of its files. Raises UnusableEntry when it is not as it was."""
        try:
            with (self.folder / name).open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:  # an empty file is no map
            raise UnusableEntry(f"{name} cannot be read: {error}") from error
        if zlib.crc32(content) != self.sums.get(name):
            raise UnusableEntry(f"{name} is damaged")
        return content


def cache_folder() -> Path:
    """Where all of them lie: in the user's cache folder, or where an environment variable says.

    It need not exist.
    """
    if asked := os.environ.get(FOLDER_VARIABLE):
        return Path(asked).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("kinodex", appauthor=False) / "models"


def most_bytes() -> float:
    """How much they may take. Raises KinodexError for a setting that is no number."""
    asked = os.environ.get(SIZE_VARIABLE)
    try:
        most = float(asked) if asked else _USUAL_GB
    except ValueError:
        most = -1.0
    if not most >= 0:
        raise KinodexError(f"{SIZE_VARIABLE} must be a number of gigabytes, not {asked!r}")
    return most * 1e9


def find(key: str) -> Entry | None:
    """The entry of this key, None where there is none or its card cannot be read."""
    folder = cache_folder() / key
    try:
        kept = json.loads((folder / _CARD).read_bytes())
        entry = Entry(folder, dict(kept["card"]), dict(kept["sums"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with contextlib.suppress(OSError):  # a cache that others own cannot be marked as used
        os.utime(folder)
    return entry


def is_writable() -> bool:
    """Whether something can be kept: looked at before anything is made that takes its time."""
    try:
        with _draft("probe"):
            return True
    except OSError:
        return False


class NewEntry:
    """An entry on its way: files are added one by one, and then it is put in place, whole.

    A disk that fails meanwhile is no error: the entry is not there then, and `failure` says why.
    """

    def __init__(self, key: str, draft: Path | None) -> None:
        self.failure: OSError | None = None
        self._place = cache_folder() / key
        self._draft = draft
        self._sums: dict[str, int] = {}

    def add(self, name: str, content: bytes | memoryview) -> None:
        """Write one of its files."""
        if self._draft is None or self.failure:
            return
        self._sums[name] = zlib.crc32(content)
        try:
            (self._draft / name).write_bytes(content)
        except OSError as error:
            self.failure = error

    def finish(self, card: Mapping[str, Any]) -> Entry:
        """Put it in place, instead of any that is there, and see to the bound.

        Two processes may do this at once: one of the two, which are alike, stays.
        """
        entry = Entry(self._place, dict(card), self._sums)
        kept = json.dumps({"card": entry.card, "sums": entry.sums}).encode()
        self.add(_CARD, kept)
        if self._draft is not None and not self.failure:
            drop(self._place.name)
            with contextlib.suppress(OSError):  # another process was quicker
                self._draft.rename(self._place)
            _see_to_bound(kept=self._place)
        return entry


@contextlib.contextmanager
def new_entry(key: str) -> Iterator[NewEntry]:
    """An entry to fill; what is not finished is cleared away."""
    with contextlib.ExitStack() as stack:
        try:
            new = NewEntry(key, stack.enter_context(_draft(key)))
        except OSError as error:
            new = NewEntry(key, None)
            new.failure = error
        yield new


def drop(key: str) -> None:
    """Remove an entry, if it is there."""
    shutil.rmtree(cache_folder() / key, ignore_errors=True)


def clear() -> tuple[int, int]:
    """Remove all; → how many entries, and how many bytes."""
    entries = list(_folders())
    size = sum(size_of(folder) for folder in entries)
    for folder in entries:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(_choices(), ignore_errors=True)
    return len(entries), size


def entries() -> list[Entry]:
    """All that lie there, the one used last first."""
    newest = sorted(_folders(), key=_used_at, reverse=True)
    return [entry for folder in newest if (entry := _peek(folder)) is not None]


def size_of(folder: Path) -> int:
    """The bytes of an entry."""
    total = 0
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            total += file.stat().st_size
    return total


def remember(choice: str, key: str, files: Iterable[Path], versions: Mapping[str, str]) -> None:
    """Note that a model's weights in these files, read by these versions, are this entry's."""
    note = {
        "choice": choice,
        "key": key,
        "files": [_as_it_is(file) for file in files],
        "versions": dict(versions),
    }
    with contextlib.suppress(OSError):  # it only saves time
        _choices().mkdir(parents=True, exist_ok=True)
        with replaced_whole(_note(choice)) as draft:
            draft.write_text(json.dumps(note), "utf-8")


def recall(choice: str, versions: Mapping[str, str]) -> str | None:
    """The key noted for a model, if its files and those versions are what they were."""
    try:
        note = json.loads(_note(choice).read_bytes())
        same = all(_as_it_is(Path(name)) == [name, *rest] for name, *rest in note["files"])
        same = same and (note["choice"], note["versions"]) == (choice, dict(versions))
        return str(note["key"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _as_it_is(file: Path) -> list[Any]:
    status = file.stat()
    return [str(file), status.st_size, status.st_mtime_ns]


def _choices() -> Path:
    return cache_folder() / "choices"


def _note(choice: str) -> Path:
    # A file can hold one choice only; two whose names meet take turns.
    return _choices() / f"{zlib.crc32(choice.encode()):08x}-{len(choice)}.json"


@contextlib.contextmanager
def _draft(key: str) -> Iterator[Path]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{key}.{uuid.uuid4().hex[:8]}{DRAFT}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _see_to_bound(kept: Path) -> None:
    """Remove what a kill has left, and then the entries unused for longest until all fit."""
    for draft in cache_folder().glob(f"*{DRAFT}"):
        if time.time() - _used_at(draft) > _DRAFT_AGE_S:
            shutil.rmtree(draft, ignore_errors=True)
    most, total = most_bytes(), 0
    newest = sorted(_folders(), key=_used_at, reverse=True)
    for folder in [kept, *(one for one in newest if one != kept)]:
        total += size_of(folder)
        if total > most and folder != kept:
            shutil.rmtree(folder, ignore_errors=True)


def _folders() -> Iterable[Path]:
    return [one.parent for one in cache_folder().glob(f"*/{_CARD}") if one.parent.suffix != DRAFT]


def _peek(folder: Path) -> Entry | None:
    used_at = _used_at(folder)
    entry = find(folder.name)
    with contextlib.suppress(OSError):
        os.utime(folder, (used_at, used_at))
    return entry


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
