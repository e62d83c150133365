"""What a page asks a child process to do to a library."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self


class JobKind(StrEnum):
    """The kinds of work. All but SKETCH hold the library's lock for indexing."""

    INDEX = "index"
    RETRY = "retry"
    REINDEX = "reindex"
    FUSE = "fuse"
    TAG = "tag"
    SKETCH = "sketch"


@dataclass(frozen=True)
class JobRequest:
    """One piece of work.

    paths: for INDEX what to index, for RETRY the files to try again (none: all that failed)
    name: for INDEX (of a library without one) and REINDEX the model, for FUSE the head, for TAG
        the vocabulary; empty for the usual one
    redo: for SKETCH, whether segments that have a sketch get another
    """

    kind: JobKind
    library: Path
    paths: tuple[Path, ...] = ()
    name: str = ""
    redo: bool = False

    def as_json(self) -> str:
        """One line of plain ASCII; names that are not valid text survive as surrogate escapes."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The request that `as_json` wrote down."""
        values = json.loads(text)
        return cls(
            JobKind(values["kind"]),
            Path(values["library"]),
            tuple(Path(path) for path in values["paths"]),
            values["name"],
            values["redo"],
        )
