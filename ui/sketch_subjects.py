"""What a word after `kinodex sketch` means: a moment of the library, or a picture file."""

from dataclasses import dataclass
from pathlib import Path

from search.segment_reference import is_reference


@dataclass(frozen=True)
class Moment:
    """A segment, as it was typed: its number, or a video and a time."""

    text: str


@dataclass(frozen=True)
class PictureFile:
    """A picture, wherever it lies."""

    path: Path


Subject = Moment | PictureFile


def subject_named(text: str) -> Subject:
    """A number or VIDEO@TIME is a moment, unless a file has just that name with an "@".

    All else is a picture; one that has a number for its name is written ./12.
    """
    path = Path(text).expanduser()
    if is_reference(text) and not ("@" in text and path.is_file()):
        return Moment(text)
    return PictureFile(path)
