"""A query's text cut into words, with the place of each, so that a mistake can be pointed at."""

import re
from dataclasses import dataclass, replace

from search.queries.query import QueryMistake

QUOTE, ESCAPE = '"', "\\"
_OPTION = re.compile(r"--[a-z][a-z-]*")


@dataclass(frozen=True)
class Word:
    """Characters between spaces.

    text: without quotation marks
    plain: the number of its first characters that stand outside quotation marks
    start, end: where it stands in the query
    ends_plain: whether its last character stands outside quotation marks
    """

    text: str
    plain: int
    start: int
    end: int
    ends_plain: bool

    @property
    def sign(self) -> int:
        """1 for a word that begins with "+", -1 for "-", else 0."""
        if not self.plain or self.option:
            return 0
        return {"+": 1, "-": -1}.get(self.text[0], 0)

    @property
    def option(self) -> str | None:
        """The name of the option that this word is or begins with ("--then"), if it is one."""
        found = _OPTION.match(self.text[: self.plain])
        if found is None or self.text[found.end() : found.end() + 1] not in ("", "="):
            return None
        return found.group()

    def after(self, count: int) -> "Word":
        """The word without its first characters."""
        return replace(
            self,
            text=self.text[count:],
            plain=max(0, self.plain - count),
            start=min(self.start + count, self.end),
        )


def cut_into_words(query: str) -> list[Word]:
    """The words of a query. Raises QueryMistake for a quotation mark without its partner."""
    words: list[Word] = []
    place = 0
    while place < len(query):
        if query[place].isspace():
            place += 1
        else:
            word = _word_at(query, place)
            words.append(word)
            place = word.end
    return words


def _word_at(query: str, start: int) -> Word:
    text: list[str] = []
    plain: int | None = None
    place = start
    while place < len(query) and not query[place].isspace():
        if query[place] == QUOTE:
            plain = len(text) if plain is None else plain
            inside, place = _quoted(query, place)
            text += inside
        else:
            text.append(query[place])
            place += 1
    plain = len(text) if plain is None else plain
    return Word("".join(text), plain, start, place, query[place - 1] != QUOTE)


def _quoted(query: str, opening: int) -> tuple[list[str], int]:
    """The characters between two quotation marks, and the place behind the second."""
    inside: list[str] = []
    place = opening + 1
    while place < len(query):
        if query[place] == QUOTE:
            return inside, place + 1
        if query[place] == ESCAPE and query[place + 1 : place + 2] in (QUOTE, ESCAPE):
            place += 1
        inside.append(query[place])
        place += 1
    raise QueryMistake("this quotation mark has no partner", query, opening, opening + 1)


def quoted(text: str) -> str:
    """A text between quotation marks, which `cut_into_words` reads as it is."""
    escaped = text.replace(ESCAPE, ESCAPE * 2).replace(QUOTE, ESCAPE + QUOTE)
    return f"{QUOTE}{escaped}{QUOTE}"
