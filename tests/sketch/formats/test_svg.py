from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from models.errors import KinodexError
from sketch.formats.svg import to_svg
from sketch.strokes import Strokes
from tests.sketch.sketches import line, sketch_of, strokes_of
from tests.sketch.svg_reading import from_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"
ONE_LINE = sketch_of(Strokes.plain(line()[None]))


def test_the_whole_document_of_one_line() -> None:
    assert to_svg(ONE_LINE, title="a line") == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 224 224" width="224" height="224"'
        ' role="img"><title>a line</title>\n'
        '<rect width="224" height="224" fill="#fff"/>\n'
        '<g id="subject" fill="none" stroke="#000" stroke-linecap="round"'
        ' stroke-linejoin="round">'
        '<path d="M 20 112 C 80 112 140 112 200 112" stroke-width="3"'
        ' data-order="0" data-gain="1"/></g>\n'
        "</svg>\n"
    )


@pytest.mark.parametrize("playing", [False, True])
@pytest.mark.parametrize("count", [0, 1, 32])
def test_strokes_come_back_from_the_file_in_their_order(count: int, playing: bool) -> None:
    strokes = strokes_of(count)
    read = from_svg(to_svg(sketch_of(strokes), title="x", playing=playing))
    assert read.points.dtype == np.float32
    np.testing.assert_allclose(read.points, strokes.points, atol=1e-3, rtol=0)
    np.testing.assert_allclose(read.half_widths, strokes.half_widths, atol=1e-3, rtol=0)
    np.testing.assert_allclose(read.opacities, strokes.opacities, atol=1e-3, rtol=0)


def test_each_group_is_one_element_and_keeps_the_drawing_order() -> None:
    root = ElementTree.fromstring(to_svg(sketch_of(strokes_of(5)), title="x"))
    orders = {
        group.get("id"): [path.get("data-order") for path in group]
        for group in root.iter(f"{NAMESPACE}g")
    }
    assert orders == {"subject": ["0", "1", "3", "4"], "background": ["2"]}


def test_each_stroke_says_how_wide_how_dark_and_how_useful_it_is() -> None:
    strokes = Strokes(line()[None], np.float32([2.25]), np.float32([0.5]))
    sketch = replace(sketch_of(strokes), gains=np.float32([-0.0625]))
    path = ElementTree.fromstring(to_svg(sketch, title="x")).find(f".//{NAMESPACE}path")
    assert path is not None
    names = ("stroke-width", "stroke-opacity", "data-gain")
    assert [path.get(name) for name in names] == ["4.5", "0.5", "-0.062"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
        ("two\nlines\tof\r\n text ", "two lines of text"),
        ("bell\x07 nul\x00 \x85c1\x9b", "bell� nul� c1�"),
        ("odd \udcff name", "odd � name"),
        ("]]> & &amp; <!-- ' 猫 🙂 \ufffe", "]]> & &amp; <!-- ' 猫 🙂 �"),
    ],
)
def test_a_title_is_text_whatever_it_holds(title: str, shown: str) -> None:
    text = to_svg(ONE_LINE, title=title)
    root = ElementTree.fromstring(text.encode())
    assert root.findtext(f"{NAMESPACE}title") == shown
    assert {child.tag.removeprefix(NAMESPACE) for child in root.iter()} == {
        *("svg", "title", "rect", "g", "path")
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_never_written(bad: float) -> None:
    points = line()
    points[2, 1] = bad
    with pytest.raises(ValueError, match="cannot be written"):
        to_svg(sketch_of(Strokes.plain(points[None])), title="x")


def test_a_group_with_an_odd_name_is_never_written() -> None:
    with pytest.raises(ValueError, match="cannot be called"):
        to_svg(replace(ONE_LINE, groups=('"><script>',)), title="x")


def test_playing_strokes_follow_one_another_and_take_as_long_as_they_are() -> None:
    points = np.stack([line(left=0, right=200), line(left=0, right=100), line(left=5, right=5)])
    text = to_svg(sketch_of(Strokes.plain(points)), title="x", playing=True)
    root = ElementTree.fromstring(text)
    by_order = sorted(root.iter(f"{NAMESPACE}path"), key=lambda path: path.get("data-order", ""))
    assert [path.get("style") for path in by_order] == [
        "animation-delay:0s;animation-duration:0.5s",
        "animation-delay:0.5s;animation-duration:0.25s",
        "animation-delay:0.75s;animation-duration:0.1s",
    ]
    assert "@media (prefers-reduced-motion:no-preference)" in text


def test_a_sketch_of_many_strokes_plays_no_longer_than_six_seconds() -> None:
    points = np.repeat(line(left=0, right=200)[None], 50, axis=0)
    text = to_svg(sketch_of(Strokes.plain(points)), title="x", playing=True)
    assert 'style="animation-delay:5.88s;animation-duration:0.12s"' in text


STILL = to_svg(ONE_LINE, title="x")
BOMB = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not well-formed"),
        ("M 20 112", "not well-formed"),
        (STILL[:-10], "not well-formed"),
        (STILL.replace("<title>", "<title>\udcff"), "not well-formed"),
        (BOMB + STILL.replace("<title>x", "<title>&b;"), "document type"),
        ('<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + STILL, "document type"),
        (STILL.replace("<title>", "<script/><title>"), "element 'script'"),
        ("<g/>", "element 'g'"),
        (STILL.replace("<title>", "<svg/><title>"), "element 'svg'"),
        (STILL.replace("<g ", '<g transform="scale(2)" '), "attribute 'transform'"),
        (STILL.replace("<path ", '<path onload="x()" '), "attribute 'onload'"),
        (STILL.replace("<svg ", f'<svg {"x" * 99}="" '), "attribute 'xxxx"),
        (STILL.replace("0 0 224 224", "0 0 100 100"), "viewBox"),
        (STILL.replace(" 200 112", ""), "no stroke"),
        (STILL.replace("M 20", "M 1e999"), "no stroke"),
        (STILL.replace("M 20", "M " + "9" * 400), "no stroke"),
        (STILL.replace('stroke-width="3"', ""), "no stroke"),
        (STILL.replace('data-order="0"', 'data-order="1"'), "missing"),
        (STILL.replace("</g>", STILL[STILL.index("<path") : STILL.index("</g>")] + "</g>"), "two"),
    ],
)
def test_an_svg_of_anybody_else_is_refused_in_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(KinodexError, match=reason) as refusal:
        from_svg(text)
    assert "Give the file as it was written" in str(refusal.value)
    assert len(str(refusal.value)) < 200
