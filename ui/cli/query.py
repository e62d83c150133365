"""Words and options of the command line as one query."""

from collections.abc import Sequence
from typing import Any

from search.queries.language import parse
from search.queries.query import Query
from search.queries.words import quoted

# As the query language calls them; what is not here is called alike in both.
_NAMES = {"folder": "in"}


def query_of(words: Sequence[str] | None, **options: Any) -> Query:
    """The query of a command's arguments, in the order in which they were given.

    options: as the shell has read them; lists are given several times, None was not given. What
        follows `--then` is itself in the query language, all else means what it says.

    Raises QueryMistake.
    """
    parts = [" ".join(words or [])]
    for name, given in options.items():
        option = f"--{_NAMES.get(name, name).replace('_', '-')}"
        for value in given if isinstance(given, list) else [given]:
            if value is not None:
                written = str(value) if name == "then" else quoted(str(value))
                parts.append(f"{option} {written}")
    return parse(" ".join(part for part in parts if part))
