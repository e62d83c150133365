"""Textual prompts: labels made readable and put into sentences (ActionCLIP, arXiv 2109.08472)."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from models.errors import KinodexError

Family = Literal["prefix", "cloze", "suffix", "bare"]
FAMILIES: tuple[Family, ...] = get_args(Family)

_ENGLISH = Path(__file__).parents[1] / "prompt_templates" / "english.txt"
_PLACE = "{}"
_COMMENT = "#"
# Where one word ends and the next begins in ThrowDiscus, TVShow, Jump2Times and Serve(Tennis).
_WORD_STARTS = re.compile(
    r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    r"|(?<=\w)(?=\()"
)
_PLACEHOLDER = re.compile(r"\[([^\[\]]*)\]")

# Texts, and a context_length where another than the model's is wanted → ids (texts, context).
Tokenize = Callable[..., Any]

# The word for the usual sentences, where a library would get the few below.
SIXTEEN = "sixteen"
# Their mean lies nearest to that of the sixteen, for labels of UCF-101 and HMDB-51: each was chosen
# to come nearest together with those before it, by the model of the two that it suited less, the
# bundled one or `imagenet`. What they do to the ranking of other labels: docs/benchmarks.md.
_FEW = ("a video of {}", "something is {}", "{} is what the video shows")
# For labels that name things. It is what the classes of `imagenet` are called by.
_OF_THINGS = ("a photo of a {}",)

# What may be said of any video. A label must fit better than all of these together.
NEUTRAL_SENTENCES = (
    "a video",
    "a picture",
    "a short clip",
    "a frame of a film",
    "a video of something",
    "a picture of something",
    "something",
    "a thing",
    "some objects",
    "a place",
    "a scene",
    "a room",
    "an outdoor scene",
    "someone is there",
    "some people",
    "an ordinary moment",
    "the view of a camera",
    "a blank screen",
    "nothing happens",
    "nothing in particular is going on",
)


class InvalidTemplates(KinodexError):
    """Prompt templates that cannot be used: a bad file, or more asked for than there are."""


class PromptTooLong(KinodexError):
    """A prompt that is longer than the model can read; `label` is what it was made of."""

    def __init__(self, message: str, label: str) -> None:
        super().__init__(message)
        self.label = label


def readable_label(label: str) -> str:
    """A label as it would be said: "ApplyEyeMakeup" → "apply eye makeup".

    Underscores become spaces, and [something] becomes something. A label without spaces in
    which small letters are followed by capitals is taken apart there, and its words are written
    small, but for acronyms such as TV. Labels with spaces keep their capitals: German has
    many. Parentheses stay.
    """
    words = _PLACEHOLDER.sub(r"\1", label).replace("_", " ").split()
    if len(words) == 1 or "_" in label:
        words = [part for word in words for part in _WORD_STARTS.sub(" ", word).split()]
        words = [word if _is_acronym(word) else word.lower() for word in words]
    return " ".join(words)


def _is_acronym(word: str) -> bool:
    return len(word) > 1 and word.isalpha() and word.isupper()


def family_of(template: str) -> Family:
    """What kind of template it is, by where the label stands; closing marks do not count."""
    before, after = (part.strip(" .,:;!?\"'") for part in template.split(_PLACE))
    if before and after:
        return "cloze"
    if before:
        return "prefix"
    return "suffix" if after else "bare"


@dataclass(frozen=True)
class PromptTemplates:
    """Sentences with a place for a label, in order. Raises InvalidTemplates."""

    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.texts:
            raise InvalidTemplates("there are no prompt templates: give at least one, such as {}")
        for text in self.texts:
            if (problem := _problem(text)) is not None:
                raise InvalidTemplates(f"the prompt template {text!r} {problem}")

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def default(cls) -> "PromptTemplates":
        """Eleven prefixes, one cloze, three suffixes and the bare label, in English."""
        return cls.english().choose()

    @classmethod
    def few(cls) -> "PromptTemplates":
        """Three of them that rank labels alike, for a model that takes long to read a sentence."""
        return cls(_FEW)

    @classmethod
    def of_things(cls) -> "PromptTemplates":
        """One that suits names of things, where the others say what happens."""
        return cls(_OF_THINGS)

    @classmethod
    def english(cls) -> "PromptTemplates":
        """All templates that come with the program."""
        return cls.from_file(_ENGLISH)

    @classmethod
    def from_file(cls, file: Path) -> "PromptTemplates":
        """The templates of a text file in UTF-8, one a line, each with one {} for the label.

        Blank lines, and those that begin with #, are left out. Raises InvalidTemplates with the
        file's name and the line.
        """
        lines = _read_lines(file)
        texts: list[str] = []
        for number, line in enumerate(lines, start=1):
            text = " ".join(line.split())
            if not text or text.startswith(_COMMENT):
                continue
            problem = "stands there twice" if text in texts else _problem(text)
            if problem is not None:
                raise InvalidTemplates(
                    f"line {number} of {file.name!r}, {_shortened(text)!r}, {problem}"
                )
            texts.append(text)
        if not texts:
            raise InvalidTemplates(
                f"{file.name!r} has no prompt template: write one a line, with {{}} for the label"
            )
        return cls(tuple(texts))

    def choose(
        self, *, prefix: int = 11, cloze: int = 1, suffix: int = 3, bare: int = 1
    ) -> "PromptTemplates":
        """As many templates of each family, the first ones, in order. Raises InvalidTemplates."""
        wanted = {"prefix": prefix, "cloze": cloze, "suffix": suffix, "bare": bare}
        chosen: set[str] = set()
        for family in FAMILIES:
            present = [text for text in self.texts if family_of(text) == family]
            if not 0 <= wanted[family] <= len(present):
                raise InvalidTemplates(
                    f"there are {len(present)} prompt templates of the kind {family!r}, "
                    f"not {wanted[family]}"
                )
            chosen.update(present[: wanted[family]])
        return PromptTemplates(tuple(text for text in self.texts if text in chosen))

    def prompts(self, labels: Sequence[str]) -> list[str]:
        """All labels, made readable, in the first template, then all in the second, and so on."""
        readable = [readable_label(label) for label in labels]
        return [text.replace(_PLACE, label) for text in self.texts for label in readable]

    def digest(self) -> str:
        """A fingerprint of the templates and their order."""
        return hashlib.blake2b("\n".join(self.texts).encode(), digest_size=16).hexdigest()


def check_lengths(texts: Sequence[str], labels: Sequence[str], tokenize: Tokenize) -> None:
    """See that the model reads every prompt to its end.

    texts: prompts of these labels, template after template, see `PromptTemplates.prompts`
    tokenize: an open_clip tokenizer; it would cut longer texts off without a word

    Raises PromptTooLong with the label of the first one.
    """
    read = tokenize(list(texts))
    padding = tokenize([""])[0, -1]
    # A text that was cut off has no padding but, perhaps, an end mark that looks the same.
    for row in (read[:, -2] != padding).nonzero().flatten().tolist():
        if _is_cut(texts[row], read[row], padding, tokenize):
            label = labels[row % len(labels)]
            raise PromptTooLong(
                f"the label {_shortened(label)!r} is too long: "
                f"the model reads {read.shape[1]} tokens of {_shortened(texts[row])!r}, which has "
                "more: shorten the label or use shorter templates",
                label,
            )


def _is_cut(text: str, ids: Any, padding: Any, tokenize: Tokenize) -> bool:
    """ids: what the model reads of the text, (context,)."""
    *read, beyond = tokenize([text], context_length=len(ids) + 1)[0].tolist()
    return bool(read != ids.tolist() or beyond != padding)


def _problem(text: str) -> str | None:
    count = text.count(_PLACE)
    if count == 1:
        return None
    return "has no {} for the label" if count == 0 else f"has {count} {{}}, but may have only one"


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidTemplates(
            f"line {line} of {file.name!r} is not UTF-8 text: save the file as UTF-8"
        ) from error
    except OSError as error:
        raise InvalidTemplates(f"{str(file)!r} cannot be read: {error.strerror}") from error


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
