"""A drawing as a query: text that holds it, and a picture of it."""

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from models.errors import KinodexError

_MOST_STROKES, _MOST_POINTS = 60, 1200
_STEPS = 1023  # places on each side of the paper
_FORM = "d1"


@dataclass(frozen=True)
class LineDrawing:
    """Lines on a square paper: each (points, 2), from 0 to 1, right and down."""

    strokes: tuple[np.ndarray, ...]


class NoDrawing(KinodexError):
    """A text that is said to be a drawing and is none."""


def drawing_to_text(drawing: LineDrawing) -> str:
    """A drawing as letters, digits, "-" and "_"; the same lines give the same text."""
    content = bytearray()
    for stroke in drawing.strokes[:_MOST_STROKES]:
        points = np.rint(_thinned(stroke).clip(0, 1) * _STEPS).astype(int)
        content += len(points).to_bytes(2, "big")
        for x, y in points.tolist():
            content += ((x << 10) | y).to_bytes(3, "big")
    return _FORM + base64.urlsafe_b64encode(bytes(content)).decode().rstrip("=")


def drawing_from_text(text: str) -> LineDrawing:
    """The drawing that a text holds. Raises NoDrawing."""
    try:
        if not text.startswith(_FORM):
            raise ValueError
        packed = text.removeprefix(_FORM)
        content = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        strokes = _strokes_in(content)
    except (ValueError, binascii.Error) as error:
        raise NoDrawing("this drawing is damaged: draw it once more") from error
    return LineDrawing(strokes)


def rendered(drawing: LineDrawing, *, side: int = 224) -> np.ndarray:
    """Black lines on white, uint8 RGB (side, side, 3)."""
    large = Image.new("L", (2 * side, 2 * side), 255)
    pen = ImageDraw.Draw(large)
    for stroke in drawing.strokes:
        line = [tuple(point) for point in (stroke * 2 * side).tolist()]
        if len(line) > 1:
            pen.line(line, fill=0, width=6, joint="curve")
    return np.array(large.resize((side, side), Image.Resampling.BOX).convert("RGB"))


def _thinned(stroke: np.ndarray) -> np.ndarray:
    """Evenly spread points of a stroke with the last, few enough for all strokes to stay short."""
    most = max(2, _MOST_POINTS // _MOST_STROKES)
    if len(stroke) <= most:
        return stroke
    return stroke[np.linspace(0, len(stroke) - 1, most).astype(int)]


def _strokes_in(content: bytes) -> tuple[np.ndarray, ...]:
    strokes: list[np.ndarray] = []
    place = 0
    while place < len(content):
        count = int.from_bytes(content[place : place + 2], "big")
        place += 2
        packed = content[place : place + 3 * count]
        place += 3 * count
        if not count or len(packed) != 3 * count or len(strokes) >= _MOST_STROKES:
            raise ValueError
        numbers = np.frombuffer(packed, np.uint8).reshape(-1, 3).astype(int)
        values = (numbers[:, 0] << 16) | (numbers[:, 1] << 8) | numbers[:, 2]
        strokes.append(np.stack([values >> 10, values & 1023], axis=1) / _STEPS)
    if not strokes:
        raise ValueError
    return tuple(strokes)
