"""Files of the library's media, which several processes may make at once."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".tmp"


@contextlib.contextmanager
def draft_of(file: Path) -> Iterator[Path]:
    """A name to write to before the file is put in place, cleared away if it never is.

    It ends in DRAFT, and no other process has it.
    """
    draft = file.with_name(f"{file.stem}.{uuid.uuid4().hex[:8]}{DRAFT}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)
