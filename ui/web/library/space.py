"""What takes space in a library, and how to give back what can be made again."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from search.catalog.store import Store

# Everything in these two can be deleted at any time.
_CACHES = ("media", "vectors")
_NAMES = {
    "keyframes": "keyframes",
    "clips": "clips for watching",
    "sketches": "pictures of sketches",
    "queries": "pictures searched for",
}


@dataclass(frozen=True)
class Part:
    """A part of a library on the disk. What `is_cache` comes back by itself when it is deleted."""

    name: str
    size_bytes: int
    is_cache: bool


def parts(library: Store) -> list[Part]:
    """What takes space, largest first; what lies elsewhere does not count."""
    media, vectors = (library.folder / name for name in _CACHES)
    found = [Part("vector index", _size_bytes(vectors), True)]
    for entry in _entries(media):
        found.append(Part(_NAMES.get(entry.name, "other media"), _size_bytes(entry), True))
    for entry in _entries(library.folder):
        if entry.name not in _CACHES:
            name = "catalog" if entry.name.startswith("catalog.db") else entry.name
            found.append(Part(name, _size_bytes(entry), False))
    return _merged(found)


def delete_caches(library: Store) -> int:
    """Delete all that can be made again; → how many bytes that gave back."""
    before = sum(_size_bytes(library.folder / name) for name in _CACHES)
    for name in _CACHES:
        for entry in _entries(library.folder / name):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    entry.unlink()
    return before - sum(_size_bytes(library.folder / name) for name in _CACHES)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _size_bytes(place: Path) -> int:
    """The size of a file, or of all files below a folder; links are not followed."""
    if place.is_symlink() or not place.exists():
        return 0
    if place.is_file():
        return place.stat().st_size
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):  # it was deleted just now
                total += (Path(folder) / name).lstat().st_size
    return total


def _merged(found: list[Part]) -> list[Part]:
    """One part for each name, largest first; what is empty is left out."""
    sizes: dict[tuple[str, bool], int] = {}
    for part in found:
        key = (part.name, part.is_cache)
        sizes[key] = sizes.get(key, 0) + part.size_bytes
    merged = [Part(name, size, is_cache) for (name, is_cache), size in sizes.items() if size]
    return sorted(merged, key=lambda part: -part.size_bytes)
