"""Hours of footage of a few pictures: a camera moves over them, each time on another way."""

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tasks.demo.photographs import Framing

_WIDTH, _RATE = 320, 12
_SHOT_S, _SHOTS = 4.0, 5
_SMALLEST, _LARGEST = 0.35, 1.0
_LARGEST_PX = 1280  # of a picture's side; more is never seen


def film_for(pictures: Mapping[str, np.ndarray], place: Path, *, total_s: float, seed: int) -> int:
    """Write films until they last so long together, of each picture equally many; → how many.

    pictures: uint8 RGB (height, width, 3), by name
    """
    random = np.random.default_rng(seed)
    each = max(1, round(total_s / (_SHOT_S * _SHOTS) / len(pictures)))
    for name, picture in pictures.items():
        image = Image.fromarray(picture)
        image.thumbnail((_LARGEST_PX, _LARGEST_PX))
        for number in range(each):
            _film(image, place / f"{name}-{number}.mp4", random)
    return each * len(pictures)


def _film(image: Image.Image, file: Path, random: np.random.Generator) -> None:
    height = round(image.height * _WIDTH / image.width / 2) * 2
    with av.open(str(file), "w") as output:
        stream = output.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, height, "yuv420p"
        for _ in range(_SHOTS):
            begin, end = _framing(random), _framing(random)
            frames = round(_SHOT_S * _RATE)
            for number in range(frames):
                box = begin.towards(end, number / (frames - 1)).box(image.width, image.height)
                shown = image.resize((_WIDTH, height), Image.Resampling.BILINEAR, box=box)
                output.mux(stream.encode(av.VideoFrame.from_image(shown)))
        output.mux(stream.encode())


def _framing(random: np.random.Generator) -> Framing:
    size = random.uniform(_SMALLEST, _LARGEST)
    across, down = random.uniform(size / 2, 1 - size / 2, 2).tolist()
    return Framing(across, down, size)
