"""Which files of watched folders are still, and whether there is anything to index.

Folders are looked through again and again; nothing is asked of the file system but names, sizes and
times, so that it works on network mounts as well. A file is indexed when it has not changed for
a while: half of a copy is never read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexer.discover import sighted

SizeAndTime = tuple[int, int]  # size in bytes, time of the last change in nanoseconds

# Browsers and other programs give files such names until they are whole, however long that takes.
_UNFINISHED = frozenset(
    (".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".aria2")
) | frozenset((".!ut", ".!qb", ".tmp", ".temp"))


@dataclass(frozen=True)
class Look:
    """What looking once has shown.

    due: files that are still, and were not indexed as they are now
    has_lost: whether files that were indexed are gone
    """

    due: frozenset[Path] = frozenset()
    has_lost: bool = False

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.due) or self.has_lost


@dataclass
class Watch:
    """Remembers when each file was last seen to change. Times in seconds of any one clock."""

    still_s: float
    _since_s: dict[Path, tuple[SizeAndTime, float]] = field(default_factory=dict)
    _indexed: dict[Path, SizeAndTime] = field(default_factory=dict)

    def begin(self, seen: Mapping[Path, SizeAndTime], now_s: float, *, clock_ns: int) -> Look:
        """The first look: a file is still already when its own time lies back far enough.

        clock_ns: the time of day, as files have it
        """
        for path, stamp in seen.items():
            age_s = max(0.0, (clock_ns - stamp[1]) / 1e9)
            self._since_s[path] = (stamp, now_s - min(age_s, self.still_s))
        return self._judge(seen, now_s)

    def look(self, seen: Mapping[Path, SizeAndTime], now_s: float) -> Look:
        """Every later look: a file is still when it was seen unchanged for long enough."""
        for path, stamp in seen.items():
            if path not in self._since_s or self._since_s[path][0] != stamp:
                self._since_s[path] = (stamp, now_s)
        for path in self._since_s.keys() - seen.keys():
            del self._since_s[path]
        return self._judge(seen, now_s)

    def indexed(self, seen: Mapping[Path, SizeAndTime], due: Iterable[Path]) -> None:
        """What was due when this was seen has been indexed, and what is gone taken out."""
        self._indexed |= {path: seen[path] for path in due}
        for path in self._indexed.keys() - seen.keys():
            del self._indexed[path]

    def forget(self, paths: Iterable[Path]) -> None:
        """These are due again: they could not be read when they were indexed, and can be now."""
        for path in paths:
            self._indexed.pop(path, None)

    def _judge(self, seen: Mapping[Path, SizeAndTime], now_s: float) -> Look:
        changed = (path for path, stamp in seen.items() if self._indexed.get(path) != stamp)
        due = frozenset(path for path in changed if now_s - self._since_s[path][1] >= self.still_s)
        return Look(due, bool(self._indexed.keys() - seen.keys()))


def stamps(paths: Iterable[Path], *, own: Path | None = None) -> dict[Path, SizeAndTime]:
    """The files under the paths with their stamps, but for hidden and unfinished ones.

    own: a folder that is left out. Indexing changes the library's files: were it to lie among the
        videos and be looked at, that would never end.
    """
    return {
        found.path: (found.size_bytes, found.mtime_ns)
        for found in sighted(paths)
        if found.path.suffix.lower() not in _UNFINISHED
        and not (own is not None and found.path.is_relative_to(own))
    }


def pause_s(every_s: float, look_s: float) -> float:
    """How long to wait until the next look: looking takes a twentieth of the time at most."""
    return max(every_s, 20 * look_s)
