from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from sketch.formats.animated_svg import morphing_svg
from sketch.strokes import Strokes
from tests.sketch.sketches import line, strokes_of

NAMESPACE = "{http://www.w3.org/2000/svg}"


def moments() -> list[Strokes]:
    """Two strokes at three moments: the first moves, the second stays and fades."""
    return [
        Strokes(
            np.stack([line(y=y), line(y=200)]), np.float32([1.5, 1.5]), np.float32([1, opacity])
        )
        for y, opacity in ((10, 1), (20, 1), (50, 0))
    ]


def animations(text: str) -> list[list[dict[str, str]]]:
    root = ElementTree.fromstring(text)
    return [
        [dict(animation.attrib) for animation in path] for path in root.iter(f"{NAMESPACE}path")
    ]


def test_a_stroke_moves_through_its_places_and_back() -> None:
    moving, fading = animations(morphing_svg(moments(), [1.0, 1.5, 3.0], title="x"))
    assert moving == [
        {
            "attributeName": "d",
            "values": "M 20 10 C 80 10 140 10 200 10;M 20 20 C 80 20 140 20 200 20;"
            "M 20 50 C 80 50 140 50 200 50;M 20 20 C 80 20 140 20 200 20;"
            "M 20 10 C 80 10 140 10 200 10",
            "keyTimes": "0;0.125;0.5;0.875;1",
            "calcMode": "linear",
            "dur": "4s",
            "repeatCount": "indefinite",
        }
    ]
    assert [(one["attributeName"], one["values"]) for one in fading] == [
        ("stroke-opacity", "1;1;0;1;1")
    ]


def test_what_cannot_play_shows_the_first_moment() -> None:
    root = ElementTree.fromstring(morphing_svg(moments(), [0, 1, 2], title="x"))
    paths = list(root.iter(f"{NAMESPACE}path"))
    assert [path.get("d", "")[:7] for path in paths] == ["M 20 10", "M 20 20"]
    assert [path.get("stroke-width") for path in paths] == ["3", "3"]


def test_a_single_moment_stands_still() -> None:
    assert "<animate" not in morphing_svg([strokes_of(4)], [3.0], title="x")


def test_the_title_is_escaped() -> None:
    text = morphing_svg(moments(), [0, 1, 2], title='"><script>')
    assert "<title>&quot;&gt;&lt;script&gt;</title>" in text


@pytest.mark.parametrize(
    ("frames", "times_s", "message"),
    [
        ([], [], "0 sketches"),
        ([strokes_of(2)] * 2, [0.0], "at 1 times"),
        ([strokes_of(2), strokes_of(3)], [0.0, 1.0], "must be the same"),
        ([strokes_of(2)] * 2, [1.0, 1.0], "must rise"),
        ([strokes_of(2)] * 2, [0.0, float("nan")], "must rise"),
    ],
)
def test_moments_that_cannot_be_shown_are_refused(
    frames: list[Strokes], times_s: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        morphing_svg(frames, times_s, title="x")
