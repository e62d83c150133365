"""Uploaded videos on their way to the disk: names made harmless, sizes counted, nothing replaced.

An upload is looked at before a byte of it is written, is written beside its place under a hidden
name, and is put in place only when it is whole.
"""

import contextlib
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from indexer.reading.containers import HEADER_BYTES, container_of, why_not_video
from models.errors import KinodexError
from models.files import make_folder, open_like_folder
from search.catalog.settings import UiSettings

_MB = 1_000_000
_LONGEST_NAME_BYTES = 200  # file systems take 255, and a number may have to be added
_DRAFT_PREFIX = ".upload-"  # hidden: what looks for videos passes it by
_STALE_S = 24 * 3600
_NOT_IN_WINDOWS_NAMES = '<>:"|?*'


class UploadRefused(KinodexError):
    """A file that is not taken in, and why."""


@dataclass(frozen=True)
class UploadPlace:
    """Where uploads go, and what limits them."""

    folder: Path
    largest_bytes: int
    keep_free_bytes: int
    in_library: bool = True

    @classmethod
    def of(cls, library: Path, settings: UiSettings) -> Self:
        """As a library's settings have it; nothing is made yet."""
        folder = library / Path(settings.uploads).expanduser()
        return cls(
            folder,
            settings.upload_limit_mb * _MB,
            settings.keep_free_mb * _MB,
            folder.is_relative_to(library),
        )


class Upload:
    """One file that comes in pieces. Use it as a context manager; leave it early to give it up.

    expected_bytes: how long the sender says it is, or None. It may lie: what comes is counted.
    """

    def __init__(self, place: UploadPlace, name: str, expected_bytes: int | None = None) -> None:
        self._place = place
        self._name = safe_name(name)
        self._head = b""
        self._size_bytes = 0
        self._draft = place.folder / f"{_DRAFT_PREFIX}{uuid.uuid4().hex}"
        self._file: BinaryIO | None = None
        if expected_bytes is not None:
            self._check_size(expected_bytes)
            self._check_space(expected_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            with contextlib.suppress(OSError):
                self._draft.unlink(missing_ok=True)

    def add(self, piece: bytes) -> None:
        """Take the next piece. Raises UploadRefused when it is no video, or becomes too much."""
        self._size_bytes += len(piece)
        self._check_size(self._size_bytes)
        if self._file is None:
            self._head += piece
            if len(self._head) >= HEADER_BYTES:
                self._begin()
        else:
            self._write(self._file, piece)

    def finish(self) -> Path:
        """Put the file in place under a name that is free; → where it lies.

        Raises UploadRefused.
        """
        file = self._file or self._begin()
        try:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            return self._put_in_place()
        except OSError as error:
            raise _not_stored(error) from error

    def _begin(self) -> BinaryIO:
        """Look at the first bytes; → the draft with these bytes in it."""
        head = self._head[:HEADER_BYTES]
        if container_of(head) is None:
            raise UploadRefused(why_not_video(head))
        try:
            make_folder(self._place.folder)
            _forget_stale_drafts(self._place.folder)
            # "x": a draft is a new file, never one that a link leads to.
            file = self._file = self._draft.open("xb")
            if self._place.in_library:
                open_like_folder(self._draft)
        except OSError as error:
            raise _not_stored(error) from error
        self._write(file, self._head)
        return file

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        self._check_space(len(piece))
        try:
            file.write(piece)
        except OSError as error:
            raise _not_stored(error) from error

    def _put_in_place(self) -> Path:
        for name in _free_names(self._name):
            target = self._place.folder / name
            try:
                os.link(self._draft, target)  # unlike a renaming, it never replaces a file
            except FileExistsError:
                continue
            except OSError:  # this file system has no hard links
                if os.path.lexists(target):
                    continue
                self._draft.rename(target)
            self._draft.unlink(missing_ok=True)
            return target
        raise UploadRefused("there are too many files of this name already")

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._place.largest_bytes:
            limit_mb = self._place.largest_bytes // _MB
            raise UploadRefused(f"it is larger than {limit_mb} MB, the most that is taken")

    def _check_space(self, more_bytes: int) -> None:
        if free_bytes(self._place.folder) - more_bytes < self._place.keep_free_bytes:
            raise UploadRefused(
                "the disk would be nearly full: "
                f"{self._place.keep_free_bytes // _MB} MB are to stay free"
            )


def safe_name(name: str) -> str:
    """A file name without folders, control characters, leading dots, or undue length."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(
        character
        for character in unicodedata.normalize("NFC", last)
        # All that steers instead of being seen: control, direction, half of a pair.
        if unicodedata.category(character)[0] != "C" and not _is_forbidden(character)
    )
    plain = " ".join(plain.split()).lstrip(". ").rstrip(". ")
    stem, suffix = Path(plain).stem, Path(plain).suffix
    suffix = _shortened(suffix, 20)
    stem = _shortened(stem, _LONGEST_NAME_BYTES - len(suffix.encode())).strip()
    return (stem or "video") + suffix


def free_bytes(folder: Path) -> int:
    """The space left on the disk where a folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _is_forbidden(character: str) -> bool:
    return os.name == "nt" and character in _NOT_IN_WINDOWS_NAMES


def _shortened(text: str, size_bytes: int) -> str:
    return text.encode()[:size_bytes].decode(errors="ignore")


def _free_names(name: str) -> Iterator[str]:
    yield name
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(2, 1000):
        yield f"{stem} ({number}){suffix}"


def _forget_stale_drafts(folder: Path) -> None:
    """Delete what uploads left behind whose server was killed."""
    for draft in folder.glob(f"{_DRAFT_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _STALE_S:
                draft.unlink()


def _not_stored(error: OSError) -> UploadRefused:
    return UploadRefused(f"the upload cannot be stored: {error.strerror}")
