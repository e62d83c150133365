"""Any picture file as plain RGB pixels."""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import KinodexError
from models.files import typed_path

# What Pillow may try: formats that are widely used and only hold pixels.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")
# JPEG is reduced while it is decoded. Other formats hold all pixels in memory, several times over:
# 110 million took 2 GB.
MOST_PIXELS = 45_000_000
MOST_JPEG_PIXELS = 120_000_000
_SIDE = 1024
# This number of an animation's pictures is looked at, evenly spread.
_LOOKS = 12

# A picture as Python has it: decoded, as an array of pixels, or as a file.
Picture = Image.Image | np.ndarray | Path


class PictureUnreadable(KinodexError):
    """A file that is no picture, a damaged one, or one that is too large."""


def open_picture(source: Path | bytes | BinaryIO, *, name: str | None = None) -> np.ndarray:
    """The picture as uint8 RGB, (height, width, 3), its longer side 1,024 pixels at most.

    It is turned as its EXIF data say, transparent parts are white, and of an animation the most
    typical picture is taken.

    Raises PictureUnreadable.
    """
    called = name or (str(source) if isinstance(source, Path) else "the picture")
    with _explained(called), Image.open(_file(source), formats=_FORMATS) as picture:
        _check_size(picture, called)
        return np.asarray(_plain(_typical(picture)))


def read_picture(source: Picture) -> np.ndarray:
    """The picture as `open_picture` gives it; of an animation opened by Pillow, its present one.

    Raises PictureUnreadable, also for an array that is not uint8 RGB, (height, width, 3).
    """
    if isinstance(source, Path):
        return open_picture(typed_path(source), name=str(source))
    picture = Image.fromarray(_checked(source)) if isinstance(source, np.ndarray) else source
    if not isinstance(picture, Image.Image):
        raise PictureUnreadable(
            "a picture is one of Pillow's, a NumPy array or a pathlib.Path, "
            f"not {type(source).__name__!r}"
        )
    with _explained("the picture"):
        if 0 in picture.size:
            raise PictureUnreadable("the picture has no pixels")
        return np.asarray(_plain(picture))


def _checked(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureUnreadable(
            "an array is a picture when it is uint8 RGB, (height, width, 3), "
            f"not {pixels.dtype} {pixels.shape}"
        )
    return pixels


@contextmanager
def _explained(called: str) -> Iterator[None]:
    """Turn whatever goes wrong with a picture into a PictureUnreadable of one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures, which are limited here
            yield
    except PictureUnreadable:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PictureUnreadable(
            f"{called!r} is no picture that can be read: use JPEG, PNG, WebP, GIF or TIFF"
        ) from error
    except OSError as error:
        reason = error.strerror or "it is damaged or cut short"
        raise PictureUnreadable(f"{called!r} cannot be read: {reason}") from error
    except Exception as error:  # Pillow's decoders raise all kinds on damaged files
        raise PictureUnreadable(f"{called!r} cannot be read: it is damaged") from error


def _file(source: Path | bytes | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, Path):
        return source
    # A pipe or a device would be waited for; opened so, it is not, and can be looked at.
    handle = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise PictureUnreadable(f"{str(source)!r} cannot be read: it is no regular file")
    return file


def _check_size(picture: Image.Image, called: str) -> None:
    width, height = picture.size
    most = MOST_JPEG_PIXELS if picture.format == "JPEG" else MOST_PIXELS
    if width * height > most:
        raise PictureUnreadable(
            f"{called!r} has {width * height / 1e6:.0f} million pixels, more than the "
            f"{most / 1e6:.0f} million that are read of {picture.format}: make it smaller"
        )
    if picture.format == "JPEG":
        picture.draft(
            "RGB", (_SIDE, _SIDE)
        )  # decodes an eighth of the pixels, or as many as needed


def _typical(picture: Image.Image) -> Image.Image:
    """The picture itself, or that of an animation which is nearest to the mean of all."""
    frames = getattr(picture, "n_frames", 1)
    if frames == 1 or picture.format == "TIFF":  # whose pictures are pages
        return picture
    looked_at = sorted({round(i) for i in np.linspace(0, frames - 1, min(frames, _LOOKS))})
    small = []
    for number in looked_at:
        picture.seek(number)
        frame = picture.convert("RGBA").resize((32, 32), Image.Resampling.BOX)
        small.append(np.asarray(frame, np.float32))
    strangeness = np.abs(np.stack(small) - np.mean(small, axis=0)).mean(axis=(1, 2, 3))
    picture.seek(looked_at[int(strangeness.argmin())])
    return picture


def _plain(picture: Image.Image) -> Image.Image:
    """RGB on white, upright, of a sensible size."""
    picture = _eight_bits(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = ImageOps.exif_transpose(picture.convert("RGB"))
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Grey levels of 16 or 32 bits, which Pillow would cut off at 255."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture, np.float32)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    whole = 65535.0 if picture.mode.startswith("I;16") or high > 255 else max(high, 1.0)
    low, high = min(low, 0.0), max(whole, high)
    scaled = np.nan_to_num((values - low) / (high - low) * 255)
    fixed = Image.fromarray(scaled.clip(0, 255).astype(np.uint8))
    fixed.info.update({k: v for k, v in picture.info.items() if k == "exif"})
    return fixed
