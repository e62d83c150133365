"""The one way to put a file in place: whole, or not at all."""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".tmp"

# Names end at 255 bytes, and a letter has at most four: a draft of any name fits.
_LETTERS_KEPT = 40


@contextlib.contextmanager
def replaced_whole(
    file: Path, *, durable: bool = False, one_writer: bool = False
) -> Iterator[Path]:
    """A path to write to, which takes the file's place when the block ends.

    An error in the block, or a kill at any moment, leaves what was there before.

    durable: the content is on the disk before it takes the place, so that a power cut leaves the
        old or the new file too. It costs milliseconds: for what cannot be made again
    one_writer: see `draft_of`
    """
    with draft_of(file, one_writer=one_writer) as draft:
        yield draft
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
