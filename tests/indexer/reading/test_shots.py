"""Cuts are found exactly; what only looks like one is not."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

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
        marked = list(ShotDetector().mark(reader.frames()))

    found = [number for number, one in enumerate(marked) if one.starts_shot]
    assert found == np.cumsum(lengths)[:-1].tolist()
