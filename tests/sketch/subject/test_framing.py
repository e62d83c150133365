"""The subject, cut out and enlarged."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import KinodexError
from sketch.canvas import Target, laid_on_canvas, on_canvas, placed_whole, visible_box
from sketch.edges.edge_map import edge_map
from sketch.strokes import CANVAS, WHOLE_CANVAS, Placed, Strokes
from sketch.subject.framing import closer_to, framed, moved_on_canvas, placed_alike, subject_box


def street(height: int = 240, width: int = 400, seed: int = 3) -> np.ndarray:
    """Noise of many colours: nothing stands out."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def with_thing(picture: np.ndarray, left: int, top: int, size: int) -> np.ndarray:
    shown = picture.copy()
    shown[top : top + size, left : left + size] = (250, 20, 230)
    return shown


def moving(shape: tuple[int, int], left: int, top: int, size: int) -> np.ndarray:
    motion = np.zeros(shape, np.float32)
    motion[top : top + size, left : left + size] = 1
    return motion


def test_a_small_subject_fills_the_canvas():
    picture = with_thing(street(), 60, 120, 48)
    target = framed(picture, motion=moving((240, 400), 60, 120, 48))
    box = subject_box(target.mask)
    assert box is not None
    left, top, right, bottom = box
    assert 0.6 * CANVAS < right - left < 0.95 * CANVAS
    assert 0.6 * CANVAS < bottom - top < 0.95 * CANVAS
    assert abs((left + right) / 2 - CANVAS / 2) < 6
    middle = target.picture[100:124, 100:124]
    assert middle.reshape(-1, 3) == pytest.approx(np.array([[250, 20, 230]] * 576) / 255, abs=0.02)
    assert target.whole is not None
    assert target.whole.placed == placed_whole(240, 400)
    assert target.whole.mask.mean() < 0.1


def test_where_the_picture_lies_leads_back_to_the_whole():
    picture = with_thing(street(), 60, 120, 48)
    target = framed(picture, motion=moving((240, 400), 60, 120, 48))
    corners = np.float32([[[60, 120], [108, 120], [108, 168], [60, 168]]])
    scale = CANVAS / 400
    inside = Strokes.plain(corners * scale + (0, (CANVAS - 240 * scale) / 2))
    there = inside.moved(placed_whole(240, 400), target.placed)
    box = subject_box(target.mask)
    assert there.points[0, 0] == pytest.approx(box[:2], abs=6)
    assert there.points[0, 2] == pytest.approx(box[2:], abs=6)
    back = there.moved(target.placed, placed_whole(240, 400))
    assert back.points == pytest.approx(inside.points, abs=1e-3)


def test_nothing_known_or_wanted_is_the_whole_picture():
    for target in (framed(street()), framed(with_thing(street(), 60, 120, 48), method="none")):
        assert target.placed == placed_whole(240, 400)
        assert target.mask.min() == 1
        assert target.whole is None


def test_a_large_subject_is_not_enlarged():
    picture = with_thing(street(240, 240), 10, 10, 215)
    target = framed(picture, motion=moving((240, 240), 10, 10, 215))
    assert target.placed == placed_whole(240, 240)


def test_a_tiny_subject_is_enlarged_six_times_at_most():
    picture = with_thing(street(), 200, 120, 32)
    target = framed(picture, motion=moving((240, 400), 200, 120, 32))
    assert target.placed.width == pytest.approx(6 * CANVAS)


def test_of_an_enlarged_part_no_black_bar_is_drawn():
    picture = np.full((240, 400, 3), 120, np.uint8)
    picture[160:200, 60:180] = (250, 20, 230)
    picture[:30] = picture[-30:] = 0
    target = framed(picture)
    assert target.mask.min() > 0.2  # what is beside the subject is not cut off
    border = target.placed.top + 210 * target.placed.height / 240
    assert CANVAS / 2 < border < CANVAS - 10  # one bar of two is seen
    edges = edge_map(target).pixels
    assert len(edges) > 100
    assert edges[:, 1].max() < border - 2
    [alike] = placed_alike([target], [picture])
    assert edge_map(alike).pixels[:, 1].max() < border - 2


def test_another_network_may_tell_the_subject(monkeypatch):
    asked = []

    def remove(pixels: np.ndarray, *, only_mask: bool) -> np.ndarray:
        asked.append(only_mask)
        mask = np.zeros(pixels.shape[:2], np.uint8)
        mask[(pixels == (250, 20, 230)).all(axis=2)] = 255
        return mask

    monkeypatch.setitem(sys.modules, "rembg", SimpleNamespace(remove=remove))
    target = framed(with_thing(street(), 80, 120, 48), method="rembg")
    assert target.placed.width > 3 * CANVAS
    assert target.mask[112, 112] == 1
    assert asked == [True, True]  # the second time of the enlarged part
    assert framed(with_thing(street(240, 240), 0, 0, 240), method="rembg").whole is None
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(KinodexError, match="rembg is not installed"):
        framed(street(), method="rembg")
    with pytest.raises(KinodexError, match="there is no mask 'magic'"):
        framed(street(), method="magic")


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2), (9, 9)])
def test_pictures_of_any_shape_can_be_framed(shape):
    picture = np.random.default_rng(4).integers(0, 256, (*shape, 3)).astype(np.uint8)
    target = framed(picture, motion=np.ones(shape, np.float32), relevance=np.eye(7, dtype="f4"))
    assert np.isfinite(target.picture).all()
    assert np.isfinite(target.mask).all()


def test_the_box_of_a_subject_leaves_specks_out():
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    assert subject_box(mask) is None
    mask[50:100, 60:120] = 1
    mask[200:204, 200:204] = 1
    assert subject_box(mask) == (60, 50, 120, 100)
    mask[150:190, 20:60] = 0.9  # no speck: a second subject
    assert subject_box(mask) == (20, 50, 120, 190)


def test_a_window_shows_as_little_as_can_be_beyond_the_picture():
    whole = placed_whole(240, 400)
    at_the_rim = closer_to((0, int(whole.top), 60, int(whole.top) + 60), whole)
    assert (at_the_rim.left, at_the_rim.top) == pytest.approx((0, 0), abs=0.5)
    tall = closer_to((100, int(whole.top), 130, 224 - int(whole.top)), whole)
    assert tall.top == pytest.approx((CANVAS - tall.height) / 2, abs=0.5)
    assert closer_to(None, whole) == whole
    assert closer_to((5, 5, 215, 215), WHOLE_CANVAS) == WHOLE_CANVAS


def test_pictures_of_one_scene_are_placed_alike_and_show_all_subjects():
    pictures = [with_thing(street(), 60 + 60 * number, 120, 48) for number in range(3)]
    targets = [
        framed(picture, motion=moving((240, 400), 60 + 60 * number, 120, 48))
        for number, picture in enumerate(pictures)
    ]
    alike = placed_alike([*targets, framed(street())], [*pictures, street()])
    assert len({target.placed for target in alike}) == 1
    placed = alike[0].placed
    assert CANVAS < placed.width < min(target.placed.width for target in targets)
    zoom = placed.width / 400
    for number, target in enumerate(alike[:3]):
        there = placed.left + zoom * (60 + 60 * number + 24)
        weights = target.mask[:, int(there)]
        assert weights.max() > 0.7
        assert 0 < there < CANVAS


def test_a_mask_that_flickers_is_smoothed_over_time():
    # A hole is filled by what lies before and after it; what moves keeps its own.
    masks = [np.full((CANVAS, CANVAS), value, np.float32) for value in (1, 1, 0, 1)]
    picture = street()
    whole, placed = on_canvas(picture)
    alike = placed_alike([Target(whole, mask, placed) for mask in masks], [picture] * 4)
    assert [float(one.mask[100, 100]) for one in alike] == pytest.approx([1, 1, 1, 1])
    assert {one.placed for one in alike} == {placed}


def test_a_map_is_laid_where_a_picture_lies_and_moved_with_it():
    values = np.zeros((50, 100), np.float32)
    values[10:30, 20:40] = 2.0
    whole = placed_whole(50, 100)
    laid = laid_on_canvas(values, whole)
    assert laid.max() == 1
    assert laid[:56].max() == laid[168:].max() == 0
    closer = Placed(-100.0, -60.0, 448.0, 224.0)
    moved, direct = moved_on_canvas(laid, whole, closer), laid_on_canvas(values, closer)
    assert np.abs(moved - direct)[:160].mean() < 0.01
    assert laid_on_canvas(np.full((4, 4), -1.0), WHOLE_CANVAS).min() == 0


def test_the_visible_box_is_within_the_canvas_and_never_empty():
    assert visible_box(placed_whole(112, 224)) == (0, 56, 224, 168)
    assert visible_box(Placed(-100.0, -60.0, 448.0, 224.0)) == (0, 0, 224, 164)
    assert visible_box(Placed(300.0, -50.0, 10.0, 10.0)) == (223, 0, 224, 1)
    assert visible_box(Placed(111.6, 10.0, 0.2, 224.0)) == (112, 10, 113, 224)


def test_a_part_of_a_picture_on_the_canvas_is_that_part():
    picture = street(224, 448)
    part, placed = on_canvas(picture, Placed(-224.0, 0.0, 448.0, 224.0))
    assert part * 255 == pytest.approx(picture[:, 224:].astype(np.float32), abs=0.6)
    beyond, _ = on_canvas(picture, Placed(-336.0, 0.0, 448.0, 224.0))
    assert beyond[:, 112:].min() == 1
    assert placed.left == -224
