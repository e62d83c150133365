"""All that a library holds, free of row numbers and of when it happened, to compare two of them."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Key = tuple[Any, ...]

_CLOSE = 0.02  # embeddings are kept in 16 bits, and batches differ from run to run
_SAME_LINE = 0.5  # pixels of the canvas: what is drawn in another batch is rounded otherwise
_SEGMENT = "v.content_hash, s.position"
_JOINED = "JOIN segments s ON s.id = x.segment_id JOIN videos v ON v.id = s.video_id"

# The kind of a thing, and a query for what it is called and what it holds. What is called by two
# columns or more has these at the front.
_QUERIES: Mapping[str, tuple[int, str]] = {
    "path": (
        1,
        "SELECT p.path, v.content_hash, p.missing_since IS NOT NULL "
        "FROM paths p LEFT JOIN videos v ON v.id = p.video_id",
    ),
    "status": (1, "SELECT path, status FROM paths"),
    "video": (1, "SELECT content_hash, duration_s, frames_sampled, bad_frames FROM videos"),
    "segment": (
        2,
        f"SELECT {_SEGMENT}, s.start_s, s.end_s, s.keyframe_s "
        "FROM segments s JOIN videos v ON v.id = s.video_id",
    ),
    "frames": (2, f"SELECT {_SEGMENT}, x.times_s, x.embeddings FROM segment_frames x {_JOINED}"),
    "embedding": (
        3,
        f"SELECT {_SEGMENT}, p.key, x.embedding FROM segment_embeddings x {_JOINED} "
        "JOIN spaces p ON p.id = x.space_id",
    ),
    "space in use": (0, "SELECT key FROM spaces WHERE active"),
    "vocabulary in use": (0, "SELECT name FROM vocabularies WHERE active"),
    "tag": (
        3,
        f"SELECT {_SEGMENT}, l.text, x.probability FROM tags x {_JOINED} "
        "JOIN labels l ON l.id = x.label_id JOIN vocabularies w ON w.id = l.vocabulary_id "
        "WHERE w.active",
    ),
    "correction": (4, "SELECT content_hash, start_s, end_s, label, holds FROM corrections"),
    "sketch": (2, f"SELECT {_SEGMENT}, x.points FROM sketches x {_JOINED}"),
    "recipe": (2, f"SELECT {_SEGMENT}, x.recipe_key FROM sketches x {_JOINED}"),
}


@dataclass(frozen=True)
class State:
    """What a library holds: each thing by its kind and its name."""

    things: Mapping[Key, tuple[Any, ...]]

    def of(self, kind: str) -> set[Key]:
        """The names of all things of one kind."""
        return {key[1:] for key in self.things if key[0] == kind}

    def shared_with(self, other: "State") -> "State":
        """What both hold alike: no step from one to the other may lose it.

        How a file or a sketch stands is left out: it may wait meanwhile, as long as what it holds
        is kept.
        """
        alike = {k: v for k, v in self.things.items() if other._holds(k, v)}
        return State({k: v for k, v in alike.items() if k[0] not in ("status", "recipe")})

    def lost_in(self, other: "State") -> list[str]:
        """What of this the other has not, or has otherwise."""
        return sorted(
            f"{' '.join(map(str, key))}: {_shown(value)} → {_shown(other.things.get(key))}"
            for key, value in self.things.items()
            if not other._holds(key, value)
        )

    def differences(self, other: "State") -> list[str]:
        """Each thing that one has and the other has not, or has otherwise."""
        return self.lost_in(other) + other.lost_in(self)

    def _holds(self, key: Key, value: tuple[Any, ...]) -> bool:
        return key in self.things and all(map(_alike, self.things[key], value))


def state_of(library: Path) -> State:
    """What the library in a folder holds; nothing where there is none, or none was made yet."""
    file = library / "catalog.db"
    if not file.is_file():
        return State({})
    with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=30)) as connection:
        try:
            return State(dict(_things(connection)))
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return State({})
            raise


def _things(connection: sqlite3.Connection) -> Iterator[tuple[Key, tuple[Any, ...]]]:
    for kind, (names, query) in _QUERIES.items():
        for row in connection.execute(query):
            held = tuple(map(_points, row[names:])) if kind == "sketch" else row[names:]
            yield (kind, *map(_name, row[:names])), held


def _name(value: Any) -> Any:
    return Path(os.fsdecode(value)).name if isinstance(value, bytes) else value


def _points(stored: bytes) -> np.ndarray:
    return np.frombuffer(stored, "<f4")


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and np.allclose(one, other, atol=_SAME_LINE)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= _CLOSE
    if isinstance(one, bytes) and isinstance(other, bytes) and one != other:
        return _close(one, other)
    return bool(one == other)


def _close(one: bytes, other: bytes) -> bool:
    """Embeddings of 16 bits that differ by rounding."""
    if len(one) != len(other) or len(one) % 2:
        return False
    values, others = (np.frombuffer(data, "<f2").astype(float) for data in (one, other))
    return bool(np.allclose(values, others, atol=_CLOSE, rtol=_CLOSE))


def _shown(value: tuple[Any, ...] | None) -> str:
    if value is None:
        return "nothing"
    sized = (bytes, np.ndarray)
    return ", ".join(f"{len(one)} values" if isinstance(one, sized) else str(one) for one in value)
