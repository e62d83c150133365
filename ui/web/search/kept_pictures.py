"""Pictures that somebody searches with, kept so that the page's address can name them."""

import contextlib
import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from models.errors import KinodexError
from models.files import make_folder, replaced_whole
from search.catalog.store import Store
from search.queries.pictures import open_picture

_SIDE = 512  # more than any model looks at
_KEPT = 500  # at some 50 kB each


def keep_picture(library: Store, content: bytes) -> str:
    """Keep a picture file's content, made small; → the digest that the query language knows it by.

    The same picture has the same digest. Of old ones the least recently given are forgotten.

    Raises PictureUnreadable, and KinodexError when nothing can be written.
    """
    small = _small_jpeg(open_picture(content))
    digest = hashlib.blake2b(small, digest_size=16).hexdigest()
    file = library.query_picture_file(digest)
    try:
        make_folder(file.parent)
        with replaced_whole(file, as_folder=True) as draft:
            draft.write_bytes(small)
    except OSError as error:
        raise KinodexError(
            f"the picture cannot be kept in {str(file.parent)!r}: {error.strerror}"
        ) from error
    _forget_old(file.parent)
    return digest


def _small_jpeg(picture: np.ndarray) -> bytes:
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def _forget_old(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another process may tidy up as well
        files = sorted(folder.glob("*.jpg"), key=lambda file: file.stat().st_mtime_ns)
        for file in files[:-_KEPT]:
            file.unlink(missing_ok=True)
