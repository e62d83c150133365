"""Lists of labels that people write on the page, kept in the library's folder.

A list's file never changes: the tags that were made with it go on naming it.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.files import make_folder, open_like_folder
from search.catalog.store import Store
from search.tags.label_tables import NoLabelList, labels_in
from search.tags.vocabulary import MAX_LABELS, BadVocabulary, clean_label

# Some thousand labels; longer lists come as files.
LONGEST_TEXT = 100_000
LONGEST_NAME = 40
_MOST_OF_ONE_NAME = 100


@dataclass(frozen=True)
class OwnList:
    """Labels as they were written, each once; `repeated` counts those that were left out."""

    labels: tuple[str, ...]
    repeated: int


def read_list(text: str) -> OwnList:
    """The labels of a text with one a line, see `labels_in`.

    Raises BadVocabulary, in one sentence that names the line.
    """
    if len(text) > LONGEST_TEXT:
        raise BadVocabulary(
            f"the list has {len(text):,} characters, {LONGEST_TEXT:,} at most are taken here"
        )
    labels: dict[str, None] = {}
    repeated = 0
    for label in _clean_labels(text):
        repeated += label in labels
        labels[label] = None
    if not labels:
        raise BadVocabulary("the list is empty: write one label a line")
    if len(labels) > MAX_LABELS:
        raise BadVocabulary(f"the list has {len(labels):,} labels, {MAX_LABELS:,} at most")
    return OwnList(tuple(labels), repeated)


def _clean_labels(text: str) -> Iterator[str]:
    try:
        for number, line in labels_in(text):
            try:
                yield clean_label(line)
            except BadVocabulary as error:
                raise BadVocabulary(f"line {number}: {error}") from error
    except NoLabelList as error:
        raise BadVocabulary(f"line {error.line}: {error}") from error


def kept_lists(library: Store) -> list[Path]:
    """The files of the lists that were written on the page before, by name."""
    with contextlib.suppress(OSError):
        return sorted(file for file in _folder(library).glob("*.txt") if file.is_file())
    return []


def keep_list(library: Store, name: str, labels: tuple[str, ...]) -> Path:
    """Store a list; → its file, which may have been there. Raises BadVocabulary.

    name: as people want to call it; what a file's name cannot hold is left out
    """
    content = "".join(f"{label}\n" for label in labels)
    stem = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:LONGEST_NAME] or "own"
    folder = _folder(library)
    try:
        make_folder(folder)
        for number in range(1, _MOST_OF_ONE_NAME + 1):
            file = folder / (f"{stem}.txt" if number == 1 else f"{stem}-{number}.txt")
            if _holds(file, content):
                return file
    except OSError as error:
        raise BadVocabulary(f"the list cannot be stored: {error.strerror}") from error
    raise BadVocabulary(f"there are too many lists called {stem!r}: give it another name")


def _holds(file: Path, content: str) -> bool:
    """Whether a file holds this; one that is not there is written."""
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(content)
        open_like_folder(file)
    except FileExistsError:
        return file.read_bytes() == content.encode()
    return True


def _folder(library: Store) -> Path:
    return library.folder / "vocabularies"
