"""A canvas for drawing scenes: the same seed gives the same scene at every resolution."""

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[float, float, float]
Point = tuple[float, float]

# Shapes are drawn this many times larger and averaged down, which smooths their edges.
_OVERSAMPLING = 2


class Canvas:
    """Draws in units of the picture's height: x runs from 0 to `aspect`, y from 0 (top) to 1."""

    def __init__(self, *, seed: int, width: int, height: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.aspect = width / height
        self._size = (width, height)
        self._scale = height * _OVERSAMPLING
        self._image = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def shade(self, colour: Colour, spread: float = 18.0) -> Colour:
        """`colour`, a little lighter or darker and a little off in hue."""
        offset = self.rng.normal(0, spread) + self.rng.normal(0, spread / 3, 3)
        red, green, blue = np.clip(np.asarray(colour) + offset, 0, 255)
        return (float(red), float(green), float(blue))

    def uniform(self, low: float, high: float) -> float:
        """One number between `low` and `high`."""
        return float(self.rng.uniform(low, high))

    def gradient(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """Fill the band from `top` to `bottom` with a vertical blend of two colours."""
        first, last = round(top * self._scale), round(bottom * self._scale)
        rows = np.linspace(0, 1, max(1, last - first))[:, None, None]
        band = np.asarray(upper) * (1 - rows) + np.asarray(lower) * rows
        band = np.broadcast_to(band, (len(rows), self._image.width, 3))
        self._image.paste(Image.fromarray(band.astype(np.uint8)), (0, first))

    def grain(self, top: float, bottom: float, *, strength: float, cells: int) -> None:
        """Make the band uneven: soft spots, about `cells` of them to the picture's height."""
        first, last = round(top * self._scale), round(bottom * self._scale)
        # Drawn for a fixed count of cells, so that the pattern does not depend on the resolution.
        columns = max(2, round(cells * self.aspect))
        spots = self.rng.normal(0, strength, (max(2, round(cells * (bottom - top))), columns))
        soft = Image.fromarray(spots.astype(np.float32)).resize(
            (self._image.width, last - first), Image.Resampling.BICUBIC
        )
        box = (0, first, self._image.width, last)
        band = np.asarray(self._image.crop(box), dtype=np.float32) + np.asarray(soft)[..., None]
        self._image.paste(Image.fromarray(np.clip(band, 0, 255).astype(np.uint8)), box)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([self._pixels(point) for point in points], fill=_rgb(colour))

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, colour: Colour
    ) -> None:
        """A filled rectangle."""
        corners = [self._pixels((left, top)), self._pixels((right, bottom))]
        self._draw.rectangle(corners, fill=_rgb(colour))

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, colour: Colour) -> None:
        """A filled ellipse around (x, y)."""
        corners = [(x - radius_x, y - radius_y), (x + radius_x, y + radius_y)]
        self._draw.ellipse([self._pixels(corner) for corner in corners], fill=_rgb(colour))

    def line(self, points: list[Point], colour: Colour, thickness: float) -> None:
        """An open line through `points`."""
        pixels = [self._pixels(point) for point in points]
        self._draw.line(pixels, fill=_rgb(colour), width=max(1, round(thickness * self._scale)))

    def ridge(self, level: float, roughness: float, peaks: int, colour: Colour) -> None:
        """Hills: everything below a jagged line around height `level`."""
        count = max(2, round(peaks * self.aspect)) + 1
        heights = level + self.rng.uniform(-roughness, roughness, count)
        tops = [(i * self.aspect / (count - 1), float(y)) for i, y in enumerate(heights)]
        self.polygon([(0.0, 1.0), *tops, (self.aspect, 1.0)], colour)

    def scattered(self, count: int, top: float, bottom: float) -> list[Point]:
        """About `count` points to a square picture, anywhere between two heights."""
        points = self.rng.uniform(size=(max(1, round(count * self.aspect)), 2))
        return [(float(x) * self.aspect, top + float(y) * (bottom - top)) for x, y in points]

    def pixels(self) -> np.ndarray:
        """The finished picture, uint8, shape: (height, width, 3)."""
        return np.asarray(self._image.resize(self._size, Image.Resampling.BOX))

    def _pixels(self, point: Point) -> Point:
        return (point[0] * self._scale, point[1] * self._scale)


def _rgb(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(min(255, max(0, value))) for value in colour)
    return (red, green, blue)
