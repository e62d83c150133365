"""An index on disk: written so that a kill at any moment leaves the old one or the new one.

    manifest.json          which file is the index, its size and digest, what it holds
    index-<random>.faiss   the index

A new index gets a new name. It becomes the index in the moment when the new manifest takes the
place of the old one. A reader that has opened a file keeps it, even when it is deleted meanwhile.
The folder is a cache: whoever gets `DamagedIndex` builds the index again from the catalog.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from models.files import DRAFT, make_folder, replaced_whole

# FAISS takes its time: who only looks at a manifest does without.
if TYPE_CHECKING:
    from search.vectors.faiss_index import FaissIndex

FORMAT = 1
MANIFEST_NAME = "manifest.json"
INDEX_NAME = re.compile(r"index-[0-9a-f]{16}\.faiss")

# A save that was killed leaves files that nothing names. No save lasts this long, so that files
# of a save that is under way in another process are never taken for such.
ABANDONED_AFTER_S = 3600

# Many times the size of a manifest.
MANIFEST_MAX_BYTES = 65_536


class DamagedIndex(Exception):
    """The stored index cannot be used; `reason` says why. It can be rebuilt from the catalog."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"The vector index in {folder} cannot be used: {reason}")
        self.reason = reason


class MissingIndex(DamagedIndex):
    """No index was ever stored here."""


@dataclass(frozen=True)
class Manifest:
    """What is known of a stored index without opening it.

    `space` and `revision` are the caller's: the model identity, and how far the index had followed
    the catalog when it was saved.
    """

    format: int
    kind: str
    dim: int
    count: int
    space: str
    revision: int
    file: str
    size_bytes: int
    blake2b: str


def save(index: "FaissIndex", folder: Path, *, space: str, revision: int) -> Manifest:
    """Store the index in a folder, in place of what was stored there.

    Raises OSError when the disk is full or the folder cannot be written; what was stored stays.
    """
    make_folder(folder)
    replaced = _file_named_by_manifest(folder)
    path = folder / f"index-{secrets.token_hex(8)}.faiss"
    try:
        with _durable(path) as file:
            kind, count = index.write(file)
        manifest = Manifest(
            format=FORMAT,
            kind=kind,
            dim=index.dim,
            count=count,
            space=space,
            revision=revision,
            file=path.name,
            size_bytes=file.size_bytes,
            blake2b=file.digest.hexdigest(),
        )
        with _durable(folder / MANIFEST_NAME) as file:
            file.write(json.dumps(asdict(manifest), indent=2).encode())
    except BaseException:
        if _file_named_by_manifest(folder) != path.name:
            path.unlink(missing_ok=True)
        raise
    _delete_replaced(folder, replaced, keep=path.name)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """What is stored in a folder; cheap. Raises MissingIndex and DamagedIndex."""
    try:
        with (folder / MANIFEST_NAME).open("rb") as file:
            values = json.loads(file.read(MANIFEST_MAX_BYTES))
        manifest = Manifest(**values)
    except FileNotFoundError:
        raise MissingIndex(folder, f"there is no {MANIFEST_NAME}") from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedIndex(folder, f"{MANIFEST_NAME} cannot be read") from error
    for field in fields(Manifest):
        if type(getattr(manifest, field.name)) is not field.type:
            raise DamagedIndex(folder, f"{MANIFEST_NAME} has no proper {field.name}")
    if manifest.format != FORMAT:
        raise DamagedIndex(folder, f"its format is {manifest.format}, not {FORMAT}")
    if not INDEX_NAME.fullmatch(manifest.file):
        raise DamagedIndex(folder, f"{MANIFEST_NAME} names a file that is no index")
    return manifest


def load(folder: Path, *, space: str, dim: int) -> "tuple[FaissIndex, Manifest]":
    """The index stored in a folder and its manifest, both as one save wrote them.

    Raises DamagedIndex when anything is wrong with it, or when it belongs to another space or has
    another dimension; MissingIndex when there is none.
    """
    manifest, file = _open_index(folder)
    with file:
        _check_manifest(folder, manifest, space=space, dim=dim)
        _check_bytes(folder, manifest, file)
        file.seek(0)
        try:
            from search.vectors.faiss_index import FaissIndex

            index = FaissIndex.read(file, size_bytes=manifest.size_bytes)
        except (ValueError, OSError) as error:
            raise DamagedIndex(folder, f"{manifest.file}: {error}") from error
    if (index.kind, index.dim, len(index)) != (manifest.kind, manifest.dim, manifest.count):
        raise DamagedIndex(folder, f"{manifest.file} is not the index of its manifest")
    return index, manifest


def _open_index(folder: Path) -> tuple[Manifest, BufferedReader]:
    before = None
    while True:
        manifest = read_manifest(folder)
        try:
            return manifest, (folder / manifest.file).open("rb")
        except FileNotFoundError:
            # A save may have replaced the index since the manifest was read. Then there is a new
            # manifest; if not, the file is really gone.
            if manifest == before:
                raise DamagedIndex(folder, f"{manifest.file} is missing") from None
            before = manifest
        except OSError as error:
            raise DamagedIndex(folder, f"{manifest.file} cannot be opened") from error


def _check_manifest(folder: Path, manifest: Manifest, *, space: str, dim: int) -> None:
    if manifest.space != space:
        raise DamagedIndex(folder, f"it belongs to the space {manifest.space}, not {space}")
    if manifest.dim != dim:
        raise DamagedIndex(folder, f"its vectors have {manifest.dim} dimensions, not {dim}")


def _check_bytes(folder: Path, manifest: Manifest, file: BufferedReader) -> None:
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes != manifest.size_bytes:
        reason = f"{manifest.file} has {size_bytes} bytes, not {manifest.size_bytes}"
        raise DamagedIndex(folder, reason)
    try:
        digest = hashlib.file_digest(file, _new_digest)
    except OSError as error:
        raise DamagedIndex(folder, f"{manifest.file} cannot be read") from error
    if digest.hexdigest() != manifest.blake2b:
        raise DamagedIndex(folder, f"the bytes of {manifest.file} have changed")


def _new_digest() -> "hashlib.blake2b":
    # 1.2 GB/s, so that checking takes about as long as reading. SHA-256 is faster than this only
    # on processors that have instructions for it.
    return hashlib.blake2b(digest_size=32)


class _DigestingFile:
    """A file open for writing that knows size and digest of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = 0
        self.digest = _new_digest()

    def write(self, data: bytes) -> int:
        self.size_bytes += len(data)
        self.digest.update(data)
        return self._file.write(data)


@contextlib.contextmanager
def _durable(path: Path) -> Iterator[_DigestingFile]:
    """A file to write. When the block ends it is on the disk, whole, or there is none."""
    with replaced_whole(path, durable=True, as_folder=True) as draft, draft.open("xb") as file:
        yield _DigestingFile(file)


def _file_named_by_manifest(folder: Path) -> str | None:
    try:
        return read_manifest(folder).file
    except DamagedIndex:
        return None


def _delete_replaced(folder: Path, replaced: str | None, *, keep: str) -> None:
    """Delete the index that was replaced, and what killed saves left."""
    long_ago = time.time() - ABANDONED_AFTER_S
    for path in itertools.chain(folder.glob("index-*"), folder.glob(f"*{DRAFT}")):
        # Another process may delete the same files, or hold one open where that forbids it.
        with contextlib.suppress(OSError):
            abandoned = path.name != keep and path.stat().st_mtime < long_ago
            if path.name == replaced or abandoned:
                path.unlink()
