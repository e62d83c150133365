"""The query language: from text to a query and back. docs/searching.md has the grammar."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from search.queries.options import FILE_STARTS, OPTIONS
from search.queries.query import SPELLINGS, Query, QueryMistake, Step, Term, TermKind, check
from search.queries.times import clock_seconds
from search.queries.words import Word, cut_into_words, quoted

_WEIGHT = re.compile(r"(\d+(?:\.\d+)?):")
_NAMED = [(kind, re.compile(f"{prefix}({value})")) for kind, (prefix, value) in SPELLINGS.items()]
_WEIGHT_MOST = 100.0


def parse(text: str) -> Query:
    """The query that a text says, options and all. Raises QueryMistake."""
    words = cut_into_words(text)
    first = next((place for place, word in enumerate(words) if word.option), len(words))
    query = Query((_terms(text, words[:first]),) if first else ())
    rest = words[first:]
    while rest:
        count = next((n for n, word in enumerate(rest[1:], 1) if word.option), len(rest))
        query = _with_option(query, text, rest[:count])
        rest = rest[count:]
    try:
        return check(query)
    except QueryMistake as mistake:
        raise QueryMistake(str(mistake), text, 0, len(text)) from None


def written(query: Query) -> str:
    """The text that `parse` reads as this query, always the same for the same query."""
    parts = [written_terms(step) for step in query.steps[:1]]
    parts += [f"--then {written_terms(step)}" for step in query.steps[1:]]
    for option, (read, _) in OPTIONS.items():
        parts += [f"{option} {value}" for value in read(query)]
    return " ".join(parts)


def _terms(text: str, words: Sequence[Word]) -> Step:
    """Terms, which begin at signs."""
    starts = [place for place, word in enumerate(words) if word.sign or place == 0]
    stops = [*starts[1:], len(words)]
    return tuple(_term(text, words[i:j]) for i, j in zip(starts, stops, strict=True))


def _term(text: str, words: Sequence[Word]) -> Term:
    first, *rest = words
    sign = first.sign or 1
    if first.sign:
        behind = first.after(1)
        words = [behind, *rest] if behind.text else rest
    if not words:
        raise QueryMistake(
            f"nothing follows this {first.text!r}: write what to look for behind it, "
            "or put it in quotation marks",
            text,
            first.start,
            first.end,
        )
    start, end = words[0].start, words[-1].end
    weight, words = _weight(text, words)
    kind, value = _kind(words, text)
    if not value.strip():
        raise QueryMistake("there is nothing between these quotation marks", text, start, end)
    return Term(value, kind, sign * weight)


def _weight(text: str, words: Sequence[Word]) -> tuple[float, Sequence[Word]]:
    first = words[0]
    found = _WEIGHT.match(first.text[: first.plain])
    behind = first.after(found.end()) if found else first
    # "12:30 train" is a train at half past twelve; in quotation marks a digit may follow.
    if found is None or not behind.text or (behind.plain and behind.text[0].isdigit()):
        return 1.0, words
    weight = float(found.group(1))
    if not 0 < weight <= _WEIGHT_MOST:
        raise QueryMistake(
            f"a weight is more than 0 and at most {_WEIGHT_MOST:.0f}",
            text,
            first.start,
            behind.start,
        )
    return weight, [behind, *words[1:]]


def _kind(words: Sequence[Word], text: str) -> tuple[TermKind, str]:
    """What a term is, and its value. The spaces in the name of a file are kept."""
    first, last = words[0], words[-1]
    if first.text[: first.plain].startswith(FILE_STARTS):
        return TermKind.PICTURE, _with_spaces(words, text)
    if first is last and first.plain == len(first.text):
        for kind, pattern in _NAMED:
            if found := pattern.fullmatch(first.text):
                return kind, found.group(1)
    if _names_moment(last):
        return TermKind.SEGMENT, _with_spaces(words, text)
    return TermKind.TEXT, " ".join(word.text for word in words)


def _names_moment(word: Word) -> bool:
    """Whether a word ends like "video.mp4@1:02"; the file's name may stand in quotation marks."""
    name, at, time = word.text.rpartition("@")
    literal = word.plain != len(word.text) and not word.ends_plain
    return bool(at and "." in name.rpartition("/")[2] and clock_seconds(time) is not None) and (
        not literal
    )


def _with_spaces(words: Sequence[Word], text: str) -> str:
    parts = [words[0].text]
    for before, word in pairwise(words):
        parts += [text[before.end : word.start], word.text]
    return "".join(parts)


def _with_option(query: Query, text: str, words: Sequence[Word]) -> Query:
    named = words[0]
    option = named.option or ""
    if option not in OPTIONS and option != "--then":
        known = ", ".join(["--then", *OPTIONS])
        end = named.start + len(option)
        raise QueryMistake(
            f"there is no option {option}; there are {known}", text, named.start, end
        )
    joined = named.after(len(option) + 1) if "=" in named.text[len(option) :] else None
    values = [*([joined] if joined else []), *words[1:]]
    if not values:
        raise QueryMistake(f"nothing follows {option}", text, named.start, named.end)
    if option == "--then":
        if not query.steps:
            raise QueryMistake("say what comes first, before --then", text, named.start, named.end)
        return replace(query, steps=(*query.steps, _terms(text, values)))
    try:
        return OPTIONS[option][1](query, _with_spaces(values, text))
    except QueryMistake as mistake:
        raise QueryMistake(str(mistake), text, values[0].start, values[-1].end) from None


def written_terms(step: Step) -> str:
    """The text of a step alone."""
    signs = ["- " if term.weight < 0 else "+ " if place else "" for place, term in enumerate(step)]
    return " ".join(
        sign + _written_term(replace(term, weight=abs(term.weight)))
        for sign, term in zip(signs, step, strict=True)
    )


def _written_term(term: Term) -> str:
    weight = "" if term.weight == 1 else f"{term.weight:.15g}:"
    prefix, _ = SPELLINGS.get(term.kind, ("", ""))
    if term.kind is TermKind.SEGMENT and not term.value.isdigit():
        prefix = ""  # it is a file and a time
    plain = weight + prefix + term.value
    return plain if _reads_as(plain, term) else weight + _quoted_value(term)


def _quoted_value(term: Term) -> str:
    if term.kind is TermKind.SEGMENT:
        name, _, time = term.value.rpartition("@")
        return f"{quoted(name)}@{time}"
    start = ""
    if term.kind is TermKind.PICTURE:
        start = next((one for one in FILE_STARTS if term.value.startswith(one)), "./")
    return start + quoted(term.value.removeprefix(start))


def _reads_as(text: str, term: Term) -> bool:
    try:
        words = cut_into_words(text)
        return not any(word.option for word in words) and _terms(text, words) == (term,)
    except QueryMistake:
        return False
