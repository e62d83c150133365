"""Films of photographs that packages carry: real pictures for those who have no videos at hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from models.imagenet.packages import is_installed

_PACKAGES = ("skimage", "sklearn")
_WIDTH, _RATE, _SOUND_RATE = 320, 12, 16_000
_SHOT_S = 2.0
# A hum, so that the films have sound like any other.
_HUM_HZ, _HUM = 110.0, 0.05


@dataclass(frozen=True)
class Framing:
    """What the camera sees: a part of the picture, its middle as shares of width and height.

    size: of the part, as a share of the picture's
    """

    across: float
    down: float
    size: float

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in pixels."""
        half_wide, half_high = self.size * width / 2, self.size * height / 2
        return (
            self.across * width - half_wide,
            self.down * height - half_high,
            self.across * width + half_wide,
            self.down * height + half_high,
        )

    def towards(self, other: "Framing", share: float) -> "Framing":
        """Between this and another."""

        def between(one: float, two: float) -> float:
            return one + (two - one) * share

        return Framing(
            between(self.across, other.across),
            between(self.down, other.down),
            between(self.size, other.size),
        )


# The camera comes closer; then it looks from one side to the other.
_SHOTS = (
    (Framing(0.5, 0.5, 1.0), Framing(0.5, 0.5, 0.8)),
    (Framing(0.44, 0.5, 0.88), Framing(0.56, 0.5, 0.88)),
)


def are_at_hand() -> bool:
    """Whether the photographs are installed, and a model that knows real pictures."""
    return is_installed() and all(find_spec(package) is not None for package in _PACKAGES)


def photographs() -> Mapping[str, np.ndarray]:
    """uint8 RGB (height, width, 3), by a name that says what is seen.

    They come with scikit-image and scikit-learn, and may be used freely.
    """
    from skimage import data
    from sklearn.datasets import load_sample_image

    return {
        "astronaut": data.astronaut(),
        "cat": data.cat(),
        "coffee": data.coffee(),
        "flower": load_sample_image("flower.jpg"),
        "motorcycle": data.stereo_motorcycle()[0],
        "photographer": np.stack([data.camera()] * 3, axis=-1),
        "rocket": data.rocket(),
        "temple": load_sample_image("china.jpg"),
    }


def film(picture: np.ndarray, file: Path) -> None:
    """Write a video of two shots in which a camera moves over a picture, with sound."""
    import av

    image = Image.fromarray(picture)
    height = round(image.height * _WIDTH / image.width / 2) * 2
    with av.open(str(file), "w") as output:
        stream = output.add_stream("libx264", rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, height, "yuv420p"
        sound = output.add_stream("aac", rate=_SOUND_RATE, layout="mono")
        for framing in _framings():
            box = framing.box(image.width, image.height)
            shown = image.resize((_WIDTH, height), Image.Resampling.BICUBIC, box=box)
            output.mux(stream.encode(av.VideoFrame.from_image(shown)))
        output.mux(stream.encode())
        samples = _hum(len(_SHOTS) * _SHOT_S)
        heard = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        heard.sample_rate = _SOUND_RATE
        output.mux(sound.encode(heard))
        output.mux(sound.encode())


def _framings() -> Iterator[Framing]:
    frames = round(_SHOT_S * _RATE)
    for begin, end in _SHOTS:
        for number in range(frames):
            yield begin.towards(end, number / (frames - 1))


def _hum(seconds: float) -> np.ndarray:
    times_s = np.arange(round(seconds * _SOUND_RATE)) / _SOUND_RATE
    return (_HUM * np.sin(2 * np.pi * _HUM_HZ * times_s)).astype(np.float32)
