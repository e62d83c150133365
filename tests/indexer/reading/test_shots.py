"""Cuts are found exactly; what only looks like one is not."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from indexer.reading import shots as shots_module
from indexer.reading.pyav_reader import PyAVReader
from indexer.reading.settings import IndexSettings
from indexer.reading.shots import ShotDetector
from tests.corpus import scene, shots, write_clip


@dataclass(frozen=True)
class Picture:
    """A frame that is its own small picture; brightness and two colours."""

    time_s: float
    look: np.ndarray

    def pixels(self) -> np.ndarray:
        raise AssertionError("finding shots must not convert pictures")


def look_at(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture[1::4, 1::4].astype(np.float32), 2, 0)
    light = 0.3 * red + 0.59 * green + 0.11 * blue
    return np.stack([light, 128 + (blue - light) / 2, 128 + (red - light) / 2])


def starts(pictures: list[np.ndarray], *, rate: float = 25, threshold: float = 1.0) -> list[int]:
    frames = [Picture(number / rate, look_at(one)) for number, one in enumerate(pictures)]
    marked = list(ShotDetector(threshold=threshold).mark(frames))
    assert [one.frame for one in marked] == frames
    return [number for number, one in enumerate(marked) if one.starts_shot]


def scenes(*lengths: int) -> list[np.ndarray]:
    return shots(lengths, width=256, height=144)


def view(left: int, top: int = 60, seed: int = 7) -> np.ndarray:
    """A window onto a wide panorama."""
    panorama = scene(seed, width=1600, height=300)
    return panorama[top : top + 144, left : left + 256]


@pytest.mark.parametrize("rate", [6, 12, 25, 60])
def test_cuts_are_found_on_their_first_frame(rate: float) -> None:
    assert starts(scenes(20, 31, 25, 40), rate=rate) == [20, 51, 76]


def test_each_slide_of_a_slide_show_is_a_shot() -> None:
    assert starts(scenes(1, 1, 1, 1), rate=1 / 3) == [1, 2, 3]


def test_a_still_picture_has_no_cut() -> None:
    assert starts([scene(1)] * 60) == []


def test_a_blended_frame_between_two_shots_makes_one_cut() -> None:
    first, second = scenes(20, 20)[:20], scenes(20, 20)[20:]
    blend = ((first[-1].astype(int) + second[0]) // 2).astype(np.uint8)

    assert starts([*first, blend, *second]) in ([20], [21])


@pytest.mark.parametrize("frames_per_pan", [15, 25, 50])
def test_a_pan_is_no_cut(frames_per_pan: int) -> None:
    way = [0] * 20 + np.linspace(0, 1300, frames_per_pan).astype(int).tolist() + [1300] * 20

    assert starts([view(left) for left in way]) == []


def test_a_jolt_of_the_camera_is_no_cut() -> None:
    assert starts([view(left, 60 + left // 2) for left in [0] * 20 + [30] + [0] * 20]) == []
    assert starts([view(left, 60 + left // 2) for left in [0] * 20 + [30] * 20]) == []


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_flash_is_no_cut(length: int) -> None:
    pictures = scenes(50)
    for number in range(20, 20 + length):
        pictures[number] = np.full_like(pictures[number], 250)

    assert starts(pictures) == []


def test_landscapes_of_unlike_colours_are_cut_though_both_have_a_horizon() -> None:
    def landscape(above: tuple[int, int, int], below: tuple[int, int, int]) -> np.ndarray:
        rows = np.repeat([above, below], [90, 54], axis=0).astype(np.uint8)
        return np.repeat(rows[:, None], 256, axis=1)

    day = landscape((150, 200, 250), (90, 170, 60))
    sunset = landscape((250, 170, 90), (120, 60, 30))

    assert starts([day] * 20 + [sunset] * 20) == [20]


def test_lights_going_on_are_no_cut() -> None:
    pictures = [view(left) for left in range(60)]
    dark = [(picture * 0.6).astype(np.uint8) for picture in pictures[:20]]
    dim = [(picture * 0.6).astype(np.uint8) + 20 for picture in pictures[20:40]]

    assert starts(dark + dim + pictures[40:]) == []


def test_a_fade_through_black_ends_a_shot() -> None:
    first, second = scenes(40, 40)[:40], scenes(40, 40)[40:]
    fade_out = [(picture * (1 - i / 15)).astype(np.uint8) for i, picture in enumerate(first[:15])]
    fade_in = [(picture * (i / 15)).astype(np.uint8) for i, picture in enumerate(second[:15])]

    found = starts([*first, *fade_out, *[np.zeros_like(first[0])] * 5, *fade_in, *second])

    assert len(found) == 1
    assert 55 <= found[0] <= 65


def test_a_film_that_begins_black_has_no_cut_before_its_first_picture() -> None:
    pictures = scenes(30)
    fade_in = [(picture * (i / 20)).astype(np.uint8) for i, picture in enumerate(pictures[:20])]

    assert starts([np.zeros_like(pictures[0])] * 10 + fade_in + pictures) == []


def test_a_higher_threshold_finds_fewer_cuts() -> None:
    pictures = scenes(20, 20)

    assert starts(pictures, threshold=1) == [20]
    assert starts(pictures, threshold=20) == []


@pytest.mark.parametrize("seed", range(3))
def test_cuts_survive_compression(tmp_path: Path, seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(15, 60, size=5).tolist()
    path = write_clip(tmp_path / "cuts.mp4", shots(lengths), options={"crf": "32"})

    with PyAVReader(path, short_side=96, settings=IndexSettings()) as reader:
        marked = list(ShotDetector(threshold=1.0).mark(reader.frames()))

    found = [number for number, one in enumerate(marked) if one.starts_shot]
    assert found == np.cumsum(lengths)[:-1].tolist()


def flat(colour: float, light: float = 100.0, *, side: int = 8) -> np.ndarray:
    """A look without any detail. Two that differ by c in colour differ by 2/3 c on the whole."""
    return np.stack([np.full((side, side), level, np.float32) for level in (light, colour, colour)])


def moved(change: float) -> tuple[np.ndarray, np.ndarray]:
    """Two looks on both sides of grey with this much change, three quarters of it unexplained."""
    return flat(128 - 0.75 * change), flat(128 + 0.75 * change)


def found(looks: list[np.ndarray], *, rate: float = 25, threshold: float = 1.0) -> list[int]:
    frames = [Picture(number / rate, look) for number, look in enumerate(looks)]
    marked = ShotDetector(threshold=threshold).mark(frames)
    return [number for number, one in enumerate(marked) if one.starts_shot]


def cut(change: float, *, rate: float = 25, threshold: float = 1.0) -> list[int]:
    first, second = moved(change)
    return found([first] * 9 + [second] * 9, rate=rate, threshold=threshold)


def test_a_change_of_seven_levels_is_a_cut_and_of_less_is_none() -> None:
    assert (cut(7.01), cut(6.99)) == ([9], [])
    assert (cut(14.02, threshold=2), cut(13.98, threshold=2)) == ([9], [])


def test_between_slides_more_than_three_quarters_of_a_second_apart_it_takes_twenty_levels() -> None:
    slow = 1 / 0.76
    assert (cut(20.01, rate=slow), cut(19.99, rate=slow)) == ([9], [])
    assert (cut(40.02, rate=slow, threshold=2), cut(39.98, rate=slow, threshold=2)) == ([9], [])
    assert cut(10, rate=1 / 0.74) == [9]


def drifting(usual: float, change: float) -> list[np.ndarray]:
    """A picture that changes by as much all the time, and once by more."""
    steps = np.cumsum([usual] * 12 + [change] + [usual] * 12)
    return [flat(128 + 1.5 * (step - steps[12] + change / 2)) for step in steps]


def test_a_cut_changes_two_and_a_half_times_as_much_as_is_usual() -> None:
    assert (found(drifting(4, 10.02)), found(drifting(4, 9.98))) == ([12], [])
    assert found(drifting(4, 20.04), threshold=2) == [12]
    assert found(drifting(4, 19.96), threshold=2) == []


@pytest.mark.parametrize(
    ("away", "counts"), [(-3, True), (-2, True), (-1, False), (1, False), (2, True), (3, True)]
)
def test_a_cut_changes_one_and_a_half_times_as_much_as_anything_near_it_but_its_other_half(
    away: int, counts: bool
) -> None:
    def looks(change: float) -> list[np.ndarray]:
        steps = [0.0] * 25
        steps[12 + away], steps[12] = 6, change
        heights = np.cumsum(steps)
        return [flat(128 + 1.5 * (step - heights[11] - change / 2)) for step in heights]

    assert (found(looks(9.02)), found(looks(8.98))) == ([12], [] if counts else [12])


def test_what_comes_back_by_half_is_a_flash() -> None:
    def flash(returns: float) -> list[int]:
        old, new = moved(20)
        later = old + (1 - returns) * (new - old)
        return found([old] * 9 + [new] + [later] * 9)

    assert (flash(0.49), flash(0.51)) == ([9], [])


@pytest.mark.parametrize(
    ("rate", "longest"), [(100, 15), (50, 13), (25, 7), (20, 5), (6, 2), (4, 2)]
)
def test_a_flash_lasts_a_quarter_of_a_second_and_between_two_and_fifteen_frames(
    rate: float, longest: int
) -> None:
    def begins(length: int) -> bool:
        old, new = moved(20)
        return 20 in found([old] * 20 + [new] * length + [old] * 20, rate=rate)

    assert not begins(longest)
    assert begins(longest + 1)


def test_a_cut_back_to_what_was_seen_a_quarter_of_a_second_ago_is_none() -> None:
    def ends(length: int) -> bool:
        old, new = moved(20)
        return 20 + length in found([old] * 20 + [new] * length + [old] * 20)

    assert not ends(6)
    assert ends(7)


@pytest.mark.parametrize(("change", "remains"), [(10, 5.0), (20, 10.0), (30, 12.0), (60, 12.0)])
def test_a_change_that_light_explains_by_half_is_no_cut_unless_much_remains(
    change: float, remains: float
) -> None:
    def lit(colours: float) -> list[int]:
        # In pictures without detail light explains all of its own change and a quarter of the
        # colours'.
        light = 3 * change - 4 * colours
        old, new = flat(128 - colours, 60), flat(128 + colours, 60 + light)
        return found([old] * 9 + [new] * 9)

    assert (lit(remains + 0.01), lit(remains - 0.01)) == ([9], [])


@pytest.mark.parametrize(("shift", "is_cut"), [(2, False), (8, False), (10, True)])
@pytest.mark.parametrize("axis", [1, 2])
def test_a_jolt_by_a_fifth_of_the_picture_is_no_cut(shift: int, is_cut: bool, axis: int) -> None:
    noise = np.random.default_rng(3).uniform(40, 220, (3, 32, 32)).repeat(2, 1).repeat(2, 2)
    panorama = noise.astype(np.float32)
    old = panorama[:, 10:50, 10:50]
    for way in (1, -1):
        down, right = (way * shift if axis == side else 0 for side in (1, 2))
        new = panorama[:, 10 + down : 50 + down, 10 + right : 50 + right]
        assert found([old] * 9 + [new] * 9) == [9] * is_cut


def test_light_explains_up_to_twice_and_down_to_half_the_contrast() -> None:
    rising = np.tile(np.arange(-20.0, 20.0, 10.0), (4, 1))
    look = np.stack([rising, 128 + rising, 128 + rising])

    def remains(factor: float) -> float:
        brighter = np.stack([factor * rising + 50, 128 + factor * rising, 128 + factor * rising])
        return shots_module._brightened_difference(look, brighter)

    assert [remains(factor) for factor in (0.5, 1, 2)] == [0, 0, 0]
    # Means of 10 levels of light, of which the mean is 5 less, and of 10 of each colour.
    assert remains(3) == pytest.approx((10 + 2 * 10) / 3)
    assert remains(0.25) == pytest.approx(0.25 * 10)
    assert remains(-1) == pytest.approx(1.5 * 10)


def test_a_single_row_of_pixels_is_compared_as_it_is() -> None:
    old, new = np.full((3, 1, 5), 100.0), np.full((3, 1, 5), 180.0)
    new[1:] = 100.0
    assert shots_module._unexplained(old, old) == pytest.approx(2 * 14 / 3)
    assert shots_module._halved(old) is old
    assert shots_module._halved(np.zeros((3, 5, 7))).shape == (3, 2, 3)
    quarter = np.arange(4.0).reshape(1, 2, 2).repeat(3, 0)
    assert shots_module._halved(quarter).tolist() == [[[1.5]]] * 3


def after_black(black: np.ndarray, frames: int = 5) -> list[int]:
    return found([flat(128)] * 9 + [black] * frames + [flat(128)] * 9)


def test_black_of_a_tenth_of_a_second_ends_a_shot() -> None:
    assert (after_black(flat(128, 0), 3), after_black(flat(128, 0), 2)) == ([12], [])


def test_black_is_dark_and_has_no_detail() -> None:
    assert (after_black(flat(128, 25.9)), after_black(flat(128, 26.1))) == ([14], [])
    for spread, is_black in ((5.9, True), (6.1, False)):
        black = flat(128, 15)
        black[0, ::2] += spread
        black[0, 1::2] -= spread
        assert after_black(black) == [14] * is_black


def test_each_stretch_of_black_is_measured_by_itself() -> None:
    picture, black = [flat(128)] * 9, [flat(128, 0)]
    assert found(picture + black * 2 + picture + black * 2 + picture) == []
    assert found(picture + black * 5 + picture + black * 5 + picture) == [14, 28]
