"""Videos that lie there as folders of numbered pictures, as tools for actions leave them.

Nothing in such a folder says how fast its pictures follow each other. A file `fps.txt` in it, or in
the folder above, may: it holds one number. Without it that is 25 a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image, ImageOps

from indexer.reading.errors import READ, DecodeFailed
from indexer.reading.settings import IndexSettings

PICTURES = {".jpg", ".jpeg", ".png"}
_FORMATS = ("JPEG", "PNG")
_USUAL_RATE, _RATE_FILE = 25.0, "fps.txt"


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by their numbers: 2.jpg comes before 10.jpg, written as it may be.

    Optical flow, which the same tools put beside them, and hidden files are left out.

    Raises DecodeFailed, also for pictures whose names differ by more than their numbers.
    """
    try:
        found = [file for file in folder.iterdir() if _may_be_a_frame(file)]
    except OSError as error:
        raise DecodeFailed(READ, f"its folder cannot be read: {error.strerror}") from error
    kinds = sorted({re.sub(r"\d+", "", file.stem) for file in found})
    if len(kinds) > 1:
        raise DecodeFailed(
            "signature",
            f"its folder holds pictures of several kinds, such as {kinds[0]!r} and {kinds[1]!r}",
        )
    return sorted(found, key=lambda file: (_numbers(file.stem), file.name))


def _may_be_a_frame(file: Path) -> bool:
    return file.suffix.lower() in PICTURES and not file.name.startswith((".", "flow"))


def rate_files(folder: Path) -> tuple[Path, Path]:
    """Where it may be said how fast a folder's pictures follow each other; the first counts."""
    return folder / _RATE_FILE, folder.parent / _RATE_FILE


def _numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]


@dataclass(frozen=True)
class _Picture:
    """One of them; see `indexer.reading.frames.TimedPicture`."""

    file: Path
    time_s: float
    short_side: int
    max_pixels: int

    def pixels(self) -> np.ndarray:
        """As of `TimedPicture`. Raises DecodeFailed."""
        try:
            with Image.open(self.file, formats=_FORMATS) as picture:
                if math.prod(picture.size) > self.max_pixels:
                    raise DecodeFailed(
                        "probe",
                        f"its pictures of {picture.width} × {picture.height} are larger than "
                        f"max_pixels allows ({self.max_pixels})",
                    )
                upright = ImageOps.exif_transpose(picture).convert("RGB")
                width, height = upright.size
                scale = self.short_side / min(width, height)
                size = max(1, round(width * scale)), max(1, round(height * scale))
                return np.asarray(upright.resize(size, Image.Resampling.BICUBIC))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DecodeFailed("decode", f"its picture {self.file.name!r} is damaged") from error


class FolderReader:
    """What `indexer.reading.clip` asks of a reader, of a folder of pictures.

    rate: pictures a second

    Raises, on entering: DecodeFailed, where there are none.
    """

    rate: float

    def __init__(self, folder: Path, *, short_side: int, settings: IndexSettings) -> None:
        self._folder, self._short_side, self._settings = folder, short_side, settings

    def __enter__(self) -> Self:
        self._files, self.rate = pictures_in(self._folder), _rate_of(self._folder)
        if not self._files:
            raise DecodeFailed("signature", "its folder holds no pictures")
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is kept open."""

    @property
    def end_s(self) -> float:
        """When the last picture goes off the screen."""
        return len(self._files) / self.rate

    def frames(self) -> Iterator[_Picture]:
        """All pictures."""
        return map(self._picture, range(len(self._files)))

    def frames_after(self, time_s: float) -> Iterator[_Picture]:
        """The pictures from about a time on."""
        return map(self._picture, range(max(0, int(time_s * self.rate)), len(self._files)))

    def picture_at(self, time_s: float) -> np.ndarray:
        """Pixels of the picture that is on the screen at a time. Raises DecodeFailed."""
        return self._picture(min(int(time_s * self.rate), len(self._files) - 1)).pixels()

    def _picture(self, number: int) -> _Picture:
        time_s = number / self.rate
        return _Picture(self._files[number], time_s, self._short_side, self._settings.max_pixels)


def _rate_of(folder: Path) -> float:
    for file in rate_files(folder):
        if file.is_file():
            try:
                rate = float(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise DecodeFailed("probe", f"{str(file)!r} should hold a number") from error
            if not 0 < rate < math.inf:
                raise DecodeFailed("probe", f"{str(file)!r} should hold a number above 0")
            return rate
    return _USUAL_RATE
