"""Real footage as libraries: videos and pictures of some folders, and photographs of packages."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from search.library import Library
from tasks.demo.photographs import film, photographs
from tasks.index import run_index
from tasks.terminal.model_flags import ModelFlags

_PICTURES, _NO_FOOTAGE = {".jpg", ".jpeg", ".png"}, {".md", ".txt"}


def gather(footage: Sequence[Path], place: Path) -> None:
    """Put the videos of some folders in one, and films of their pictures as the demo makes them."""
    for file in (file for folder in footage for file in sorted(folder.iterdir())):
        if file.suffix in _PICTURES:
            film(np.asarray(Image.open(file).convert("RGB")), place / f"{file.stem}.mp4")
        elif file.suffix not in _NO_FOOTAGE:
            shutil.copy(file, place)  # links inside of a folder are left aside


@contextmanager
def indexed(
    footage: Sequence[Path], *, model: str, with_photographs: bool = True
) -> Iterator[Library]:
    """A library of footage for the time of the block.

    with_photographs: films of those that scikit-image and scikit-learn carry come to it
    """
    with tempfile.TemporaryDirectory() as place:
        videos, folder = Path(place, "videos"), Path(place, "library")
        videos.mkdir()
        gather(footage, videos)
        for name, picture in photographs().items() if with_photographs else ():
            film(picture, videos / f"{name}.mp4")
        run_index(folder, [videos], ModelFlags(model=model), reindex=False, as_json=False)
        with Library.open(folder) as library:
            yield library
