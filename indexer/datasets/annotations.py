"""Reading annotation files so that every complaint names the file and the line."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from indexer.datasets.clips import DatasetError
from indexer.discover import VIDEO_EXTENSIONS
from indexer.reading.pictures.folders import PICTURES

Key = str | int
_SPACE = re.compile(r"[ \t\r\n]*")


def read_bytes(file: Path) -> bytes:
    """The whole of a file. Raises DatasetError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise DatasetError.at(file, None, f"it cannot be read ({error.strerror})") from error


def read_text(file: Path) -> str:
    """The whole of a UTF-8 file, with or without a byte order mark. Raises DatasetError."""
    content = read_bytes(file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DatasetError.at(file, line, "it is not UTF-8 text: save it as UTF-8") from error


def read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers. Raises DatasetError."""
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        text = line.strip()
        if text:
            yield number, text


def read_rows(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header, as dictionaries, with their line numbers.

    Raises DatasetError when one of ``columns`` is missing, or a row has too few or too many cells.
    """
    reader = csv.reader(io.StringIO(read_text(file), newline=""))
    header = [name.strip() for name in next(reader, [])]
    for column in columns:
        if column not in header:
            raise DatasetError.at(file, 1, f"there is no column {column!r} in its header")
    line = reader.line_num + 1
    try:
        for cells in reader:
            if cells and len(cells) != len(header):
                what = f"{len(cells)} cells where the header has {len(header)}"
                raise DatasetError.at(file, line, f"{what}: put quotes around commas")
            if cells:
                yield line, dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError.at(file, line, f"it is not valid CSV ({error})") from error


class JsonFile:
    """A parsed JSON file that can tell on which line each of its values stands."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._text = read_text(file)
        try:
            self.value: Any = json.loads(self._text)
        except json.JSONDecodeError as error:
            raise DatasetError.at(
                file, error.lineno, f"it is not valid JSON ({error.msg})"
            ) from error
        except RecursionError as error:
            raise DatasetError.at(file, None, "its JSON is nested too deeply") from error

    def wrong(self, what: str, *keys: Key) -> DatasetError:
        """An error about the value that ``keys`` lead to."""
        return DatasetError.at(self.file, line_of(self._text, *keys), what)

    def check(self, kind: type[list | dict], what: str) -> None:
        """Raise DatasetError unless the whole file is a list or an object, of what."""
        if not isinstance(self.value, kind):
            named = "a list" if kind is list else "an object"
            raise self.wrong(f"here should be {named} {what}")

    def field(self, record: Any, name: str, kind: type[str | list], *keys: Key) -> Any:
        """A record's field of a type. Raises DatasetError when it is missing or another type.

        ``keys`` lead to the record, for the message.
        """
        if not isinstance(record, Mapping):
            raise self.wrong("here should be an object with named fields", *keys)
        if not isinstance(record.get(name), kind):
            wanted = "text" if kind is str else "list"
            raise self.wrong(f"{name!r} is missing, or is no {wanted}", *keys)
        return record[name]


def line_of(text: str, *keys: Key) -> int:
    """The line of the value in a valid JSON text that keys and positions lead to."""
    place = _after_space(text, 0)
    for key in keys:
        place = _value_in(text, place, key)
    return text.count("\n", 0, place) + 1


def _value_in(text: str, place: int, key: Key) -> int:
    """Where the value of a key or position stands in the object or list that begins at place."""
    decoder = json.JSONDecoder()
    place, number = _after_space(text, place + 1), 0
    while text[place] not in "]}":
        name: Key = number
        if isinstance(key, str):
            name, place = decoder.raw_decode(text, place)
            place = _after_space(text, _after_space(text, place) + 1)
        if name == key:
            return place
        _, place = decoder.raw_decode(text, place)
        place, number = _after_space(text, place), number + 1
        if text[place] == ",":
            place = _after_space(text, place + 1)
    return place


def _after_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


class VideoFiles:
    """The files below a folder, to be found by the names of videos, with extension or without.

    A folder that holds pictures is a video under its own name, where there is no file of it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"there is no folder {str(folder)!r}: name the one with the videos")
        self._folder = folder.absolute()
        self._named: dict[str, Path] = {}
        self._stems: dict[str, list[Path]] = {}
        self._of_pictures: dict[str, Path] = {}
        for place, folders, names in os.walk(self._folder):
            folders.sort()
            if any(Path(name).suffix.lower() in PICTURES for name in names):
                self._of_pictures.setdefault(Path(place).name, Path(place))
            for name in sorted(names):
                path = Path(place, name)
                self._named.setdefault(name, path)
                if path.suffix.lower() in VIDEO_EXTENSIONS:
                    self._stems.setdefault(path.stem, []).append(path)

    def find(self, name: str, *others: str, beside: Collection[str] = ()) -> Path:
        """The file of a video, under the first of its names; where there is none if it is missing.

        A file of the very name comes first, whatever its extension, or without one: it may be a
        video all the same. Next is one with another extension, as videos that were converted have,
        unless it is the file of another video.

        beside: names of other videos of the data set, with extension

        A missing file is no error here: it is listed, like all that cannot be decoded.
        """
        for known in (name, *others):
            found = self._named.get(known) or self._converted(known, beside)
            found = found or self._of_pictures.get(known) or self._of_pictures.get(stem_of(known))
            if found is not None:
                return found
        written = name.replace("/", "_")
        return self._folder / (written if stem_of(name) != name else written + ".mp4")

    def _converted(self, name: str, beside: Collection[str]) -> Path | None:
        """The first file that has the name, but for extensions."""
        stem = stem_of(name)
        bare = [self._named[stem]] if stem in self._named else []
        for path in (*self._stems.get(name, ()), *bare, *self._stems.get(stem, ())):
            if path.name not in beside:
                return path
        return None


def stem_of(name: str) -> str:
    """The name without the extension of a video; names with dots of their own keep these."""
    stem, dot, extension = name.rpartition(".")
    return stem if dot + extension.lower() in VIDEO_EXTENSIONS else name
