"""The one way to put a file in place: whole, or not at all."""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from models.errors import KinodexError

DRAFT = ".tmp"

# Names end at 255 bytes, and a letter has at most four: a draft of any name fits.
_LETTERS_KEPT = 40


@contextlib.contextmanager
def replaced_whole(
    file: Path, *, durable: bool = False, one_writer: bool = False, as_folder: bool = False
) -> Iterator[Path]:
    """A path to write to, which takes the file's place when the block ends.

    An error in the block, or a kill at any moment, leaves what was there before.

    durable: the content is on the disk before it takes the place, so that a power cut leaves the
        old or the new file too. It costs milliseconds: for what cannot be made again
    one_writer: see `draft_of`
    as_folder: see `open_like_folder`
    """
    with draft_of(file, one_writer=one_writer) as draft:
        yield draft
        if as_folder:
            open_like_folder(draft)
        if durable:
            _sync(draft)
        draft.replace(file)
        if durable:
            _sync_folder(file.parent)


@contextlib.contextmanager
def draft_of(file: Path, *, one_writer: bool = False) -> Iterator[Path]:
    """A name beside the file to write to; what an error leaves there is cleared away.

    The caller moves it to its place, which `replaced_whole` does by itself. The name ends in DRAFT
    and is nobody else's.

    one_writer: nobody else writes this file meanwhile, and the name is always the same: a draft
        that a kill has left goes with the next one, where large or frequent ones would pile up
    """
    if one_writer:
        draft = file.with_name(f"{file.name}{DRAFT}")
        draft.unlink(missing_ok=True)
    else:
        draft = file.with_name(f"{file.stem[:_LETTERS_KEPT]}.{uuid.uuid4().hex[:8]}{DRAFT}")
    try:
        yield draft
    except BaseException:
        with contextlib.suppress(OSError):  # the first failure is the one to tell of
            draft.unlink()
        raise


def typed_path(typed: str | Path) -> Path:
    """The path that somebody typed, with ~ for a home. Raises KinodexError for what is none."""
    try:
        path = Path(typed).expanduser()
    except RuntimeError as error:  # the home of a user whom this machine does not know
        raise KinodexError(f"{str(typed)!r} can be no path: {error}") from error
    if "\0" in str(path):
        raise KinodexError(f"{str(typed)!r} can be no path: it holds a zero byte")
    return path


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, each open to those whom the one above is open to."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    mode = folder.parent.stat().st_mode
    folder.mkdir(mode=mode & 0o777, exist_ok=True)
    if mode & stat.S_ISGID:  # a group shares it, whatever this process makes otherwise
        with contextlib.suppress(PermissionError):  # another of the group has just made it
            folder.chmod(folder.stat().st_mode | mode & 0o2070)


def open_like_folder(file: Path) -> None:
    """Shut a file to those whom its folder is shut to; in a group's folder, open it to the group.

    A group's folder is one with the set-group-ID bit. It is for files of a library: elsewhere the
    user's mask says who may read what is made.
    """
    mode, folder = file.stat().st_mode & 0o777, file.parent.stat().st_mode
    wanted = mode & (folder | 0o700)
    if folder & stat.S_ISGID:
        wanted |= folder & 0o060
    if wanted != mode:
        file.chmod(wanted)


def _sync(file: Path) -> None:
    with file.open("rb") as content:
        os.fsync(content.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders, and needs no such thing.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no such thing
            raise
    finally:
        os.close(descriptor)
