"""Reads the strokes of an SVG that Kinodex wrote, and of no other: no entities, no transforms."""

import re
from xml.parsers import expat

import numpy as np

from models.errors import KinodexError
from sketch.strokes import CANVAS, Strokes

# Elements that a sketch is made of, and all that each may say.
_WRITTEN = {
    "svg": {"xmlns", "viewBox", "width", "height", "role"},
    "title": set(),
    "style": set(),
    "rect": {"width", "height", "fill"},
    "g": {"id", "fill", "stroke", "stroke-linecap", "stroke-linejoin"},
    "path": {
        *("d", "stroke-width", "stroke-opacity", "data-order", "data-gain"),
        *("pathLength", "class", "style"),
    },
}
_NUMBER = r"(-?\d{1,9}(?:\.\d{1,9})?)"
_CURVE = re.compile(rf"M {_NUMBER} {_NUMBER} C " + " ".join([_NUMBER] * 6), re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)
_ORDER = re.compile(r"\d{1,6}", re.ASCII)


def from_svg(text: str) -> Strokes:
    """The strokes of a sketch written by `to_svg`, playing or not, in their order.

    Coordinates are right to 0.001 pixel. Raises KinodexError, one sentence, for everything else.
    """
    reader = _Reader()
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.StartElementHandler = reader.add
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise _refusal("it is not well-formed XML") from error
    return reader.strokes()


class _Reader:
    """Collects the strokes while the parser comes across them."""

    def __init__(self) -> None:
        self._drawn: dict[int, tuple[list[float], float, float]] = {}
        self._begun = False

    def refuse_document_type(self, *_: object) -> None:
        raise _refusal("it declares a document type")

    def add(self, name: str, attributes: dict[str, str]) -> None:
        if name not in _WRITTEN or (name == "svg") == self._begun:
            raise _refusal(f"it has an element {_shortened(name)}")
        unknown = attributes.keys() - _WRITTEN[name]
        if unknown:
            raise _refusal(f"its {name} has the attribute {_shortened(min(unknown))}")
        self._begun = True
        if name == "svg" and attributes.get("viewBox") != f"0 0 {CANVAS} {CANVAS}":
            raise _refusal(f"its viewBox is not 0 0 {CANVAS} {CANVAS}")
        if name == "path":
            self._add_stroke(attributes)

    def _add_stroke(self, attributes: dict[str, str]) -> None:
        curve = _CURVE.fullmatch(attributes.get("d", ""))
        width = _PLAIN.fullmatch(attributes.get("stroke-width", ""))
        opacity = _PLAIN.fullmatch(attributes.get("stroke-opacity", "1"))
        order = _ORDER.fullmatch(attributes.get("data-order", ""))
        if not (curve and width and opacity and order):
            raise _refusal("one of its paths is no stroke")
        if int(order[0]) in self._drawn:
            raise _refusal("two of its strokes have one place in the order")
        coordinates = [float(value) for value in curve.groups()]
        self._drawn[int(order[0])] = coordinates, float(width[0]) / 2, float(opacity[0])

    def strokes(self) -> Strokes:
        if sorted(self._drawn) != list(range(len(self._drawn))):
            raise _refusal("a stroke is missing in its order")
        rows = [self._drawn[i] for i in range(len(self._drawn))]
        return Strokes(
            np.array([row[0] for row in rows], np.float32).reshape(-1, 4, 2),
            np.array([row[1] for row in rows], np.float32),
            np.array([row[2] for row in rows], np.float32),
        )


def _shortened(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:40] + "…")


def _refusal(reason: str) -> KinodexError:
    return KinodexError(
        f"this SVG is not a sketch as Kinodex writes it: {reason}. Give the file as it was written."
    )
