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


def checked(contrast: float, *, side: int = 64) -> np.ndarray:
    """Blocks of four pixels, as far above grey as below."""
    rows, columns = np.indices((side, side)) // 4
    grey = 128 + contrast * np.where((rows + columns) % 2, 1, -1)
    return np.rint(grey[..., None]).astype(np.uint8).repeat(3, axis=2)


def test_three_levels_in_one_cell_of_eight_pixels_are_still_alike() -> None:
    frames = [np.full((16, 16, 3), 100, np.uint8) for _ in range(3)]
    frames[1][8:, 8:, 0] = 103
    frames[2][8:, 8:, 0] = 104
    assert unique_frames(frames, threshold=3)[0] == [0, 2]
    # Within a cell it is the mean that counts.
    frames[2][8:, 8:12, 0] = 102
    assert unique_frames(frames, threshold=3)[0] == [0]


def test_a_frame_is_stood_for_by_the_last_of_those_that_are_alike() -> None:
    frames = [np.full((16, 16, 3), level, np.uint8) for level in (100, 104, 102)]
    kept, stands_for = unique_frames(frames, threshold=3)
    assert (kept, stands_for.tolist()) == ([0, 1], [0, 1, 1])


def test_pictures_of_less_than_ten_levels_of_contrast_are_flat() -> None:
    assert choose_keyframe([checked(10), checked(60)], np.array([9, 1])) == 1  # but not sharp
    flat, plain = np.full((64, 64, 3), 128, np.uint8), checked(10)
    assert choose_keyframe([flat, plain], np.array([9, 1])) == 1
    assert choose_keyframe([checked(9), plain], np.array([9, 1])) == 1
    assert choose_keyframe([checked(9), checked(8)], np.array([1, 9])) == 0
    assert choose_keyframe([checked(10), checked(11)], np.array([9, 1])) == 0


def test_a_keyframe_is_at_least_seven_tenths_as_sharp_as_the_sharpest_quarter() -> None:
    # How sharp a picture is grows with the square of its contrast.
    others = [checked(50, side=64)] * 4
    weights = np.array([96, 1, 1, 1, 1])
    assert choose_keyframe([checked(50 * 0.72**0.5), *others], weights) == 0
    assert choose_keyframe([checked(50 * 0.66**0.5), *others], weights) != 0
    # The sharpest of all may be an exception.
    assert choose_keyframe([checked(43), *others[:3], checked(100)], weights) == 0


def test_pictures_of_two_pixels_have_no_sharpness() -> None:
    tiny = np.array([[0, 255, 0, 255]] * 4, np.uint8)[..., None].repeat(3, axis=2)
    tiny[::2] = 255 - tiny[::2]
    assert choose_keyframe([tiny, tiny], np.ones(2)) == 0


def test_a_lower_quality_takes_fewer_bytes() -> None:
    sizes = [len(encode_jpeg(SCENE, quality=quality)) for quality in (30, 60, 90)]
    assert sizes[0] < 0.8 * sizes[1] < 0.8 * sizes[2]
