"""Near-identical frames are found, and the keyframe is a good picture."""

import io

import numpy as np
from PIL import Image, ImageFilter

from indexer.reading.stills import choose_keyframe, encode_jpeg, unique_frames
from tests.corpus import scene

SCENE = scene(1, width=320, height=224)


def noisy(picture: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def blurred(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(6)))


def test_noise_makes_no_new_frame() -> None:
    kept, stands_for = unique_frames([noisy(SCENE, seed) for seed in range(5)], threshold=3)

    assert kept == [0]
    assert stands_for.tolist() == [0, 0, 0, 0, 0]


def test_a_small_thing_that_moves_makes_new_frames() -> None:
    frames = []
    for left in (10, 60, 110):
        picture = SCENE.copy()
        picture[100:110, left : left + 10] = (255, 255, 0)
        frames.append(picture)

    assert unique_frames(frames, threshold=3)[0] == [0, 1, 2]


def test_what_returns_is_recognised() -> None:
    other = scene(2, width=320, height=224)

    kept, stands_for = unique_frames([SCENE, other, SCENE, other, SCENE], threshold=3)

    assert kept == [0, 1]
    assert stands_for.tolist() == [0, 1, 0, 1, 0]


def test_a_slow_change_does_not_creep_through() -> None:
    frames = [np.full((64, 64, 3), 100 + level, np.uint8) for level in range(9)]

    kept, stands_for = unique_frames(frames, threshold=3)

    assert kept == [0, 4, 8]
    assert stands_for.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2]


def test_keyframe_is_neither_black_nor_white_nor_blurred() -> None:
    black, white = np.zeros_like(SCENE), np.full_like(SCENE, 255)

    assert choose_keyframe([black, white, blurred(SCENE), SCENE, black], np.ones(5)) == 3


def test_keyframe_is_typical() -> None:
    other = scene(2, width=320, height=224)

    assert choose_keyframe([other, noisy(SCENE, 1), noisy(SCENE, 2)], np.ones(3)) != 0
    assert choose_keyframe([other, SCENE], np.array([9, 1])) == 0


def test_of_plain_pictures_the_least_plain_is_taken() -> None:
    plain = np.full((64, 64, 3), 7, np.uint8)
    striped = plain.copy()
    striped[::9] = 15

    assert choose_keyframe([plain, striped, plain], np.ones(3)) == 1


def test_tiny_pictures_have_a_keyframe() -> None:
    assert choose_keyframe([np.zeros((2, 2, 3), np.uint8)], np.ones(1)) == 0


def test_jpeg_is_the_picture() -> None:
    with Image.open(io.BytesIO(encode_jpeg(SCENE, quality=85))) as picture:
        assert picture.format == "JPEG"
        assert np.abs(np.asarray(picture, float) - SCENE).mean() < 6
