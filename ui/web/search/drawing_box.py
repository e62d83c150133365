"""The paper to draw on: lines made with mouse, pen or finger become a query."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from search.queries.drawings import LineDrawing, rendered

_SIDE = 280
_MOST_OBJECTS, _MOST_COMMANDS = 60, 3000


def drawing_box(*, key: str, current: LineDrawing | None) -> LineDrawing | None:
    """The paper and its button; → the finished drawing once the button is pressed.

    current: what is searched with now, which is shown beside the paper
    """
    from streamlit_drawable_canvas import st_canvas  # works only while a page runs

    st.text("Draw what to look for; the sketches of your videos are compared with it.")
    if current is not None:
        st.image(rendered(current), width=96)
    canvas = st_canvas(
        fill_color="rgba(0, 0, 0, 0)",
        stroke_width=4,
        stroke_color="#000",
        background_color="#fff",
        drawing_mode="freedraw",
        width=_SIDE,
        height=_SIDE,
        return_image_data=False,
        key=key,
    )
    drawn = drawing_of(canvas.json_data)
    pressed = st.button(
        "Search with this drawing", key=f"{key}-search", disabled=drawn is None, width="stretch"
    )
    return drawn if pressed else None


def drawing_of(said: Any) -> LineDrawing | None:
    """The lines of what a canvas says, of which nothing but numbers is looked at; None for none."""
    objects = said.get("objects", []) if isinstance(said, Mapping) else []
    lines = [_line(one) for one in objects[:_MOST_OBJECTS] if isinstance(one, Mapping)]
    strokes = tuple(line for line in lines if line is not None)
    return LineDrawing(strokes) if strokes else None


def _line(said: Mapping[str, Any]) -> np.ndarray | None:
    """The ends of a path's commands, from 0 to 1, (points, 2)."""
    path = said.get("path")
    if not isinstance(path, list):
        return None
    points = [_end(command) for command in path[:_MOST_COMMANDS]]
    known = [point for point in points if point is not None]
    return np.array(known).clip(0, 1) if len(known) > 1 else None


def _end(command: Any) -> tuple[float, float] | None:
    if not isinstance(command, list) or len(command) < 3:
        return None
    x, y = command[-2:]
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in (x, y)):
        return None
    return float(x) / _SIDE, float(y) / _SIDE
