"""Lists of labels: those that ship with the program, and people's own files.

A list is a text file in UTF-8 with one label a line, or a table with the header `id,name`. Empty
lines and lines that begin with `#` do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import KinodexError
from models.files import typed_path
from models.identity import BUNDLED, IMAGENET, ModelChoice
from search.tags.label_tables import NoLabelList, labels_in
from search.wording import composed

# A list of all verbs of a language is shorter. Each label is one more comparison for each segment.
MAX_LABELS = 10_000
# Longer than any name of an action; a model's text tower reads about 70 words.
MAX_LABEL_CHARACTERS = 200
_MAX_FILE_BYTES = MAX_LABELS * MAX_LABEL_CHARACTERS

_FOLDER = Path(__file__).parent / "vocabularies"
_OF_THINGS = "imagenet-1k"
_FOR_MODEL = {BUNDLED: "small-world", IMAGENET: _OF_THINGS}
_FOR_OTHER_MODELS = "kinetics-400"


class BadVocabulary(KinodexError):
    """There is no such vocabulary, or its file cannot be used."""


@dataclass(frozen=True)
class WordList:
    """A vocabulary's name and its labels, as they are shown; `file` for a person's own.

    lines: where each label stands in the file, from 1; empty when the file was not read
    """

    name: str
    labels: tuple[str, ...]
    file: Path | None = None
    lines: tuple[int, ...] = ()

    @property
    def names_things(self) -> bool:
        """Whether its labels are what is seen, and not what happens."""
        return self.file is None and self.name == _OF_THINGS

    def unusable(self, label: str, problem: Exception) -> BadVocabulary:
        """The problem with a label, with the file and the line where it stands, if known."""
        if self.file is None or not self.lines:
            return BadVocabulary(str(problem))
        line = self.lines[self.labels.index(label)]
        return _bad_line(line, self.file, problem)


def default_name(model: ModelChoice) -> str:
    """The vocabulary for a model where nobody names one: what it knows."""
    return _FOR_MODEL.get(model.words, _FOR_OTHER_MODELS)


def shipped_names() -> list[str]:
    """The vocabularies that ship with the program."""
    return sorted(file.stem for file in _FOLDER.glob("*.txt"))


def read_vocabulary(asked: str) -> WordList:
    """The labels of a vocabulary that ships with the program, or of a file.

    Raises BadVocabulary, in one sentence that names file and line.
    """
    if asked in shipped_names():
        return WordList(asked, tuple(_read_lines(_FOLDER / f"{asked}.txt")))
    file = typed_path(asked).resolve()
    if not file.is_file():
        raise BadVocabulary(
            f"there is no vocabulary {asked!r}: name {', '.join(shipped_names())}, or a text file "
            "with one label a line"
        )
    lines = _read_lines(file)
    return WordList(file.name, tuple(lines), file, tuple(lines.values()))


def clean_label(text: str) -> str:
    """A label as it is stored and shown: "ApplyEyeMakeup" → "apply eye makeup".

    Raises BadVocabulary for one that is empty, too long, or cannot be shown.
    """
    from models.labels.prompts import (
        readable_label,  # it brings PyTorch, which a list of tags need not
    )

    label = readable_label(" ".join(composed(text).split()))
    if not label:
        raise BadVocabulary("a label is empty: say what happens, in a word or a few")
    if len(label) > MAX_LABEL_CHARACTERS:
        raise BadVocabulary(
            f"a label has {len(label)} characters, {MAX_LABEL_CHARACTERS} at most are allowed"
        )
    if not label.isprintable():
        raise BadVocabulary(f"the label {label!r} holds characters that cannot be shown")
    return label


def _read_lines(file: Path) -> dict[str, int]:
    """The labels of a file in order, and the line of each. Raises BadVocabulary."""
    lines: dict[str, int] = {}
    for number, label in _clean_labels(file):
        if label in lines:
            raise BadVocabulary(
                f"lines {lines[label]} and {number} of {str(file)!r} are the same label "
                f"{label!r}: take one out"
            )
        lines[label] = number
        if len(lines) > MAX_LABELS:
            raise BadVocabulary(
                f"{str(file)!r} has more than {MAX_LABELS:,} labels, seen at line {number}: "
                "take some out"
            )
    if not lines:
        raise BadVocabulary(f"{str(file)!r} has no labels: write one a line")
    return lines


def _clean_labels(file: Path) -> Iterator[tuple[int, str]]:
    """Labels as they are shown, and their lines. Raises BadVocabulary."""
    try:
        for number, line in labels_in(_text(file)):
            try:
                yield number, clean_label(line)
            except BadVocabulary as error:
                raise _bad_line(number, file, error) from error
    except NoLabelList as error:
        raise _bad_line(error.line, file, error) from error


def _bad_line(number: int, file: Path, problem: Exception) -> BadVocabulary:
    return BadVocabulary(f"line {number} of {str(file)!r}: {problem}")


def _text(file: Path) -> str:
    try:
        size_bytes = file.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            raise BadVocabulary(
                f"{str(file)!r} is too large for a vocabulary: {size_bytes:,} bytes, "
                f"{_MAX_FILE_BYTES:,} at most"
            )
        content = file.read_bytes()
    except OSError as error:
        raise BadVocabulary(f"{str(file)!r} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise BadVocabulary(
            f"line {number} of {str(file)!r} is not UTF-8: save the file as UTF-8"
        ) from error
