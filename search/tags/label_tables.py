"""Tables of labels: the one form that is read, and others, which are no lists of labels.

Data sets of actions pass their labels on as tables with numbers. Read as a list, "0,abseiling"
would be a label of its own, and every tag of it wrong.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence

# Line and text of each label.
Lines = Sequence[tuple[int, str]]

_NUMBER_COLUMNS = frozenset(("id", "index", "number", "class_id", "label_id"))
_NAME_COLUMNS = frozenset(("name", "label", "class", "class_name", "label_name"))
_SEPARATORS = re.compile(r"[,;\t]")
_NUMBER_FIRST = re.compile(r"\s*(\d+)\s*[,;\t.:)]")
_NUMBER_LAST = re.compile(r"[,;\t]\s*(\d+)\s*$")
_NUMBER_AND_SPACE = re.compile(r"\s*(\d+)\s")
# "1 person", "2 people" may be labels of somebody; so many that count on are numbers of lines.
_COUNTED = 5


class NoLabelList(Exception):
    """What stands there is a table of another form; the text says why, and what to do.

    line: where it is seen, from 1
    """

    def __init__(self, line: int, seen: str) -> None:
        super().__init__(
            f"this looks like a table, not like a list of labels ({seen}): write the labels alone, "
            "one a line, or give the table the header 'id,name'"
        )
        self.line = line


def labels_in(text: str) -> Iterator[tuple[int, str]]:
    """The labels of a list, or of a table with a header "id,name", and the line of each.

    The header of ActionCLIP's label files is that one. Names in quotes may hold commas. Empty lines
    and lines that begin with `#` do not count.

    Raises NoLabelList.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        return
    separator = next(iter(_SEPARATORS.findall(lines[0][1])), ",")
    header = _cells(lines[0][1].lower(), separator)
    if len(header) == 2 and _NUMBER_COLUMNS & set(header) and _NAME_COLUMNS & set(header):
        yield from _from_table(lines[1:], header, separator)
        return
    _check_is_list(lines, header)
    yield from lines


def _from_table(lines: Lines, header: list[str], separator: str) -> Iterator[tuple[int, str]]:
    column = next(place for place, name in enumerate(header) if name in _NAME_COLUMNS)
    for number, line in lines:
        cells = _cells(line, separator)
        if len(cells) != len(header):
            seen = f"{len(cells)} cells where the header has {len(header)}; commas need quotes"
            raise NoLabelList(number, seen)
        yield number, cells[column]


def _check_is_list(lines: Lines, header: list[str]) -> None:
    first = lines[0][0]
    if _is_json([line for _, line in lines]):
        raise NoLabelList(first, "it is JSON")
    words = " ".join(header).split()
    # "name, then age" may be a label; names of columns are single words.
    if len(words) == len(header) > 1 and (_NUMBER_COLUMNS | _NAME_COLUMNS) & set(header):
        raise NoLabelList(first, f"its header is {', '.join(header)}")
    # The first line may be a header in words that nobody foresaw.
    for start in (0, 1):
        texts = [line for _, line in lines[start:]]
        if _counts_on(texts):
            raise NoLabelList(lines[start][0], f"numbers stand beside labels: {texts[0].strip()!r}")


def _counts_on(texts: Sequence[str]) -> bool:
    """Whether a number stands in each line, at the beginning or at the end, one more each time."""
    forms = [(_NUMBER_FIRST, 2), (_NUMBER_LAST, 2), (_NUMBER_AND_SPACE, _COUNTED)]
    for form, least in forms:
        found = [match for match in map(form.search, texts) if match]
        if len(texts) < least or len(found) < len(texts):
            continue
        numbers = [int(match[1]) for match in found]
        if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return True
    return False


def _cells(line: str, separator: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:  # a quote that nothing closes is part of a label
        row = [line]
    return [cell.strip() for cell in row]


def _is_json(lines: Sequence[str]) -> bool:
    try:
        return isinstance(json.loads("\n".join(lines)), list | dict)
    except (ValueError, RecursionError):
        return False
