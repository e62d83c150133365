"""Which files of watched folders are still, and whether there is anything to index.

Folders are looked through again and again; nothing is asked of the file system but names, sizes and
times, so that it works on network mounts as well. A file is indexed when it has not changed for
a while: half of a copy is never read.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Stamp = tuple[int, int]  # size in bytes, time of the last change in nanoseconds


@dataclass(frozen=True)
class Look:
    """What looking once has shown.

    is_due: whether a file is still that was not indexed as it is now, or one is gone
    restless: files that may still be written to
    """

    is_due: bool
    restless: frozenset[Path]


@dataclass
class Watch:
    """Remembers when each file was last seen to change. Times in seconds of any one clock."""

    still_s: float
    _since_s: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)
    _indexed: dict[Path, Stamp] = field(default_factory=dict)

    def begin(self, seen: Mapping[Path, Stamp], now_s: float, *, clock_ns: int) -> Look:
        """The first look: a file whose own time lies back far enough is still already.

        clock_ns: the time of day, as files have it
        """
        for path, stamp in seen.items():
            age_s = max(0.0, (clock_ns - stamp[1]) / 1e9)
            self._since_s[path] = (stamp, now_s - min(age_s, self.still_s))
        return self._judge(seen, now_s)

    def look(self, seen: Mapping[Path, Stamp], now_s: float) -> Look:
        """Every later look: only what was seen unchanged for so long is still."""
        for path, stamp in seen.items():
            if path not in self._since_s or self._since_s[path][0] != stamp:
                self._since_s[path] = (stamp, now_s)
        for path in self._since_s.keys() - seen.keys():
            del self._since_s[path]
        return self._judge(seen, now_s)

    def indexed(self, seen: Mapping[Path, Stamp], restless: Iterable[Path]) -> None:
        """All that was seen has been indexed, but for the restless."""
        left = set(restless)
        self._indexed = {path: stamp for path, stamp in seen.items() if path not in left}

    def _judge(self, seen: Mapping[Path, Stamp], now_s: float) -> Look:
        changed = {path for path, stamp in seen.items() if self._indexed.get(path) != stamp}
        restless = {path for path in changed if now_s - self._since_s[path][1] < self.still_s}
        gone = self._indexed.keys() - seen.keys()
        return Look(bool(changed - restless or gone), frozenset(restless))


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    """All files under the paths with their stamps; hidden ones are left out.

    What cannot be looked at is left out too: indexing says what is wrong with it.
    """
    found: dict[Path, Stamp] = {}
    waiting = [Path(path).resolve() for path in paths]
    entered: set[tuple[int, int]] = set()  # links may lead in circles
    while waiting:
        place = waiting.pop()
        try:
            facts = place.stat()
        except OSError:
            continue
        if not stat.S_ISDIR(facts.st_mode):
            found[place] = (facts.st_size, facts.st_mtime_ns)
        elif (facts.st_dev, facts.st_ino) not in entered:
            entered.add((facts.st_dev, facts.st_ino))
            waiting += _inside(place, found)
    return found


def _inside(folder: Path, found: dict[Path, Stamp]) -> list[Path]:
    """Notes the files of a folder; → the folders in it."""
    folders = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_file():
                    facts = entry.stat()
                    found[Path(entry.path)] = (facts.st_size, facts.st_mtime_ns)
                elif entry.is_dir():
                    folders.append(Path(entry.path))
    except OSError:
        pass  # it went away meanwhile, or may not be read
    return folders


def pause_s(every_s: float, look_s: float) -> float:
    """How long to wait until the next look: looking takes a twentieth of the time at most."""
    return max(every_s, 20 * look_s)
