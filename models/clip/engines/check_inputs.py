"""The pictures and texts by which two engines are compared: the same on every machine.

Free of torch.
"""

import numpy as np
from PIL import Image

# The last one is longer than any model reads.
CHECK_TEXTS = (
    "",
    "a dog",
    "a photo of two people who carry a table up the stairs",
    "snow 1994, at night; blue, green & 3 red lights!",
    "a man opens a bottle of wine and pours it into a glass, then drinks it slowly " * 10,
)

_SIDE = 256
_SEED = 7


def check_pictures(size: tuple[int, int]) -> np.ndarray:
    """A dozen pictures, uint8 (12, *size, 3): soft and rough textures, edges, stripes, one grey.

    They are made by a rule, and hold what pictures are made of: slow and quick changes of colour,
    straight and round edges.
    """
    rng = np.random.default_rng(_SEED)
    made = [_texture(rng, cells) for cells in (2, 4, 8, 16, 32, 64)]
    made += [_shapes(rng, count) for count in (1, 3, 9, 27)]
    made += [_stripes(), np.full((_SIDE, _SIDE, 3), 127, np.uint8)]
    height, width = size
    return np.stack(
        [
            np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC))
            for one in made
        ]
    )


def _texture(rng: np.random.Generator, cells: int) -> np.ndarray:
    noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
    return np.asarray(noise.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))


def _shapes(rng: np.random.Generator, count: int) -> np.ndarray:
    picture = _texture(rng, 3).copy()
    y, x = np.mgrid[:_SIDE, :_SIDE]
    for number in range(count):
        (top, left), radius = rng.integers(0, _SIDE, 2), rng.integers(10, 60)
        far = np.hypot(y - top, x - left) if number % 2 else np.maximum(abs(y - top), abs(x - left))
        picture[far < radius] = rng.integers(0, 256, 3)
    return picture


def _stripes() -> np.ndarray:
    wave = np.sin(np.hypot(*np.mgrid[:_SIDE, :_SIDE]) / 5) > 0
    return np.where(wave[..., None], np.uint8(230), np.uint8(20)).repeat(3, axis=2)
