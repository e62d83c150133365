"""The things of the small world: what they are called and which emoji draws them."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

THINGS_FILE = Path(__file__).with_name("things.csv")

_ARTICLES = ("a ", "an ", "the ")
_IRREGULAR_PLURALS = {
    "mouse": "mice",
    "ox": "oxen",
    "deer": "deer",
    "sheep": "sheep",
    "fish": "fish",
    "shrimp": "shrimp",
    "squid": "squid",
    "wolf": "wolves",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "scarf": "scarves",
    "die": "dice",
    "tooth": "teeth",
    "policeman": "policemen",
    "man": "men",
}


@dataclass(frozen=True)
class Thing:
    """One thing: `phrases` are its names with their article ("a cat", "scissors")."""

    emoji: str
    phrases: tuple[str, ...]
    shows_angle: bool

    @property
    def name(self) -> str:
        """The first phrase without its article; unique in the world."""
        return without_article(self.phrases[0])

    @property
    def file_stem(self) -> str:
        """The emoji's code points in hexadecimal, as in the sprite files' names."""
        return "-".join(f"{ord(character):x}" for character in self.emoji)


@cache
def load_things() -> tuple[Thing, ...]:
    """All things, in the fixed order of `things.csv`."""
    with THINGS_FILE.open(encoding="utf-8", newline="") as lines:
        return tuple(_thing_of_row(row) for row in csv.DictReader(lines))


@cache
def things_by_name() -> dict[str, Thing]:
    """Each thing under its own name."""
    return {thing.name: thing for thing in load_things()}


def without_article(phrase: str) -> str:
    """`phrase` less a leading "a", "an" or "the"."""
    for article in _ARTICLES:
        if phrase.startswith(article):
            return phrase[len(article) :]
    return phrase


def can_be_counted(phrase: str) -> bool:
    """Whether "two …" can be said: only phrases with an indefinite article."""
    return phrase.startswith(("a ", "an "))


def plural(phrase: str) -> str:
    """The plural of a countable phrase: "a slice of pizza" gives "slices of pizza"."""
    words = without_article(phrase).split(" ")
    head = next((i for i, word in enumerate(words) if word in _AFTER_HEAD), len(words)) - 1
    words[head] = _plural_word(words[head])
    return " ".join(words)


_AFTER_HEAD = {"of", "with", "in", "on", "and", "doing"}


def _plural_word(word: str) -> str:
    if word in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[word]
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "ch", "sh")):
        return word + "es"
    return word + "s"


def _thing_of_row(row: dict[str, str]) -> Thing:
    return Thing(
        emoji="".join(chr(int(code, 16)) for code in row["codepoints"].split("-")),
        phrases=tuple(row["phrases"].split(";")),
        shows_angle=row["shows_angle"] == "yes",
    )
