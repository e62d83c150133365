"""Which files to index: videos among the given files and folders, told by their first bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from indexer.reading.containers import open_regular, require_container
from indexer.reading.errors import READ, DecodeFailed, TextInstead

VIDEO_EXTENSIONS = frozenset(
    (".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts")
) | frozenset((".mpg", ".mpeg", ".vob", ".flv", ".f4v", ".wmv", ".asf", ".ogv"))
# Endings that sources of TypeScript and translations of Qt have as well: a text of such a name was
# never meant to be a video.
_ALSO_SOURCES = frozenset((".ts", ".mts"))


@dataclass(frozen=True)
class FoundFile:
    """A file to index; ``path`` is absolute, with symbolic links resolved."""

    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Refused:
    """A file that was named, or is named like a video, but is none or cannot be read; and why."""

    found: FoundFile
    reason: str


@dataclass(frozen=True)
class Root:
    """One of the given paths, resolved.

    ``was_seen`` tells that it is a folder that could be read and is not empty, or a file that
    exists.
    """

    path: Path
    was_seen: bool


@dataclass(frozen=True)
class Discovery:
    """What was found under the given paths, in a fixed order: as given, then by name.

    ``shut`` are files that could not be opened or read: whether they are videos is not known.
    ``folders`` could be read and are not empty: what is missing in one of them is really gone.
    ``missing`` are given paths that do not exist. In folders these were left aside:
    ``skipped_hidden`` entries, whose names begin with a dot; ``unreadable`` files, folders and
    links; ``links_outside``, which lead out of the given folder; and ``texts``, which are named as
    videos can be. ``left`` are files that were there, but not asked for.
    """

    files: tuple[FoundFile, ...]
    refused: tuple[Refused, ...]
    missing: tuple[Path, ...]
    roots: tuple[Root, ...]
    skipped_hidden: int
    unreadable: tuple[Path, ...]
    links_outside: tuple[Path, ...]
    left: tuple[Path, ...] = ()
    shut: tuple[Refused, ...] = ()
    folders: frozenset[Path] = frozenset()
    texts: int = 0

    @property
    def seen(self) -> set[Path]:
        """All files that were there, whatever they are."""
        refused = (one.found.path for one in (*self.refused, *self.shut))
        return {*(found.path for found in self.files), *refused, *self.left}


def discover(paths: Iterable[Path], *, only: Collection[Path] | None = None) -> Discovery:
    """Look through files and folders, recursively.

    A named file is found or refused. Inside folders, hidden entries are skipped, what is not a
    video is ignored unless its extension claims otherwise, and each file counts once, however
    many links lead to it. Nothing but regular files is opened.

    only: the files to look into; all others are just noted as ``left``
    """
    search = _Search(only)
    for path in paths:
        search.look_at(path)
    return search.result()


def sighted(paths: Iterable[Path]) -> list[FoundFile]:
    """The files that `discover` would look into, known by name, size and time: none is opened."""
    found = []
    for path in discover(paths, only=()).left:
        try:
            status = path.stat()
        except OSError:
            continue  # it went away meanwhile, or may not be looked at
        found.append(FoundFile(path, status.st_size, status.st_mtime_ns))
    return found


@dataclass
class _Search:
    only: Collection[Path] | None
    files: dict[Path, FoundFile] = field(default_factory=dict)
    refused: dict[Path, Refused] = field(default_factory=dict)
    shut: dict[Path, Refused] = field(default_factory=dict)
    missing: list[Path] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    skipped_hidden: int = 0
    unreadable: list[Path] = field(default_factory=list)
    links_outside: list[Path] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)
    texts: int = 0
    _holds_something: dict[Path, bool] = field(default_factory=dict)

    def result(self) -> Discovery:
        return Discovery(
            files=tuple(self.files.values()),
            refused=tuple(self.refused.values()),
            missing=tuple(self.missing),
            roots=tuple(self.roots),
            skipped_hidden=self.skipped_hidden,
            unreadable=tuple(self.unreadable),
            links_outside=tuple(self.links_outside),
            left=tuple(self.left),
            shut=tuple(self.shut.values()),
            folders=frozenset(path for path, holds in self._holds_something.items() if holds),
            texts=self.texts,
        )

    def look_at(self, given: Path) -> None:
        try:
            path = given.resolve(strict=True)
            is_folder = path.is_dir()
        except (OSError, RuntimeError):  # RuntimeError: a link to itself
            self.missing.append(given)
            self.roots.append(Root(Path(os.path.abspath(given)), was_seen=False))  # noqa: PTH100
            return
        if is_folder:
            self.roots.append(Root(path, was_seen=self._walk(path, root=path)))
        else:
            self.roots.append(Root(path, was_seen=True))
            self._judge(path, named=True)

    def _walk(self, top: Path, *, root: Path) -> bool:
        """Look through a folder and all below; whether it could be read and holds anything."""
        waiting = self._entries(top)
        while waiting:
            entry = waiting.pop()
            if entry.name.startswith("."):
                self.skipped_hidden += 1
            elif folder := self._folder_or_file(entry, root=root):
                waiting += self._entries(folder)
        return self._holds_something[top]

    def _entries(self, folder: Path) -> list[Path]:
        """What is in a folder, last name first; nothing if it was looked at before."""
        if folder in self._holds_something:
            return []
        try:
            with os.scandir(folder) as entries:
                names = sorted((entry.name for entry in entries), key=os.fsencode, reverse=True)
        except OSError:
            self.unreadable.append(folder)
            names = []
        self._holds_something[folder] = bool(names)
        return [folder / name for name in names]

    def _folder_or_file(self, entry: Path, *, root: Path) -> Path | None:
        """The folder that an entry is or leads to; a file is judged at once."""
        try:
            path = entry.resolve(strict=True) if entry.is_symlink() else entry
            mode = path.stat().st_mode
        except (OSError, RuntimeError):
            self.unreadable.append(entry)
            return None
        if path != entry and not path.is_relative_to(root):
            self.links_outside.append(entry)
        elif stat.S_ISDIR(mode):
            return path
        elif stat.S_ISREG(mode):
            self._judge(path, named=False)
        return None

    def _judge(self, path: Path, *, named: bool) -> None:
        if path in self.files:
            return
        if self.only is not None and path not in self.only:
            self.left.append(path)
            return
        try:
            status = path.stat()
        except OSError:
            self.unreadable.append(path)
            return
        found = FoundFile(path, status.st_size, status.st_mtime_ns)
        try:
            with open_regular(path) as file:
                require_container(file)
        except DecodeFailed as failed:
            self._set_aside(found, failed, named=named)
            return
        self.files[path] = found

    def _set_aside(self, found: FoundFile, failed: DecodeFailed, *, named: bool) -> None:
        ending = found.path.suffix.lower()
        claims = named or ending in VIDEO_EXTENSIONS
        if failed.stage == READ:
            self.shut[found.path] = Refused(found, failed.reason)
            if not claims:
                self.unreadable.append(found.path)
        elif isinstance(failed, TextInstead) and ending in _ALSO_SOURCES and not named:
            self.texts += 1
        elif claims:
            self.refused[found.path] = Refused(found, failed.reason)
