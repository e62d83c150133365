"""What an ordinary screen shows of high dynamic range and of wide colours."""

from types import SimpleNamespace

import numpy as np
import pytest

from indexer.reading.pictures import colours
from indexer.reading.pictures.colours import CODED_WHITE, Colours, is_deep
from tests.colour_charts import CHART, hlg_code, light_of, pq_code

CODES = {"pq": pq_code, "hlg": hlg_code}
GREYS = np.repeat(np.arange(256)[:, None], 3, axis=1)


def coded(light: np.ndarray, transfer: str) -> np.ndarray:
    return np.round(np.clip(CODES[transfer](light), 0, 1) * CODED_WHITE).astype(np.uint16)


@pytest.mark.parametrize("transfer", CODES)
def test_greys_are_those_of_an_ordinary_recording(transfer: str) -> None:
    shown = Colours(transfer, wide=True).shown(coded(light_of(GREYS), transfer)).astype(int)
    off = np.abs(shown - GREYS)
    assert off[:230].max() <= 2
    assert off.max() <= 5  # near white it makes room for what is brighter


@pytest.mark.parametrize("transfer", CODES)
def test_what_is_brighter_than_white_differs_from_it_a_little_and_rises(transfer: str) -> None:
    light = np.repeat(np.linspace(0, 4, 400)[:, None], 3, axis=1)
    shown = Colours(transfer, wide=True).shown(coded(light, transfer))[:, 0].astype(int)
    assert (np.diff(shown) >= 0).all()
    assert shown[100] in range(248, 254)
    assert shown[-1] == 255


def test_a_bright_colour_keeps_its_hue() -> None:
    light = light_of(np.array([[200, 40, 40]])) * 6
    [red, green, blue] = Colours("pq", wide=False).shown(coded(light, "pq"))[0].astype(int)
    assert red > 250
    assert abs(green - blue) <= 1
    assert green < 120


def test_wide_colours_of_ordinary_brightness_are_brought_onto_the_screen() -> None:
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    light = light_of(np.array(CHART)) @ np.array(to_2020).T
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    shown = Colours("screen", wide=True).shown((code * CODED_WHITE).astype(np.uint16))
    assert np.abs(shown.astype(int) - CHART).max() <= 2


@pytest.mark.parametrize(
    ("transfer", "primaries", "expected"),
    [
        (1, 1, None),
        (2, 2, None),
        (13, 12, None),
        (16, 9, Colours("pq", wide=True)),
        (18, 9, Colours("hlg", wide=True)),
        (16, 2, Colours("pq", wide=True)),
        (16, 1, Colours("pq", wide=False)),
        (14, 9, Colours("screen", wide=True)),
    ],
)
def test_what_a_file_says_decides(transfer: int, primaries: int, expected: Colours | None) -> None:
    picture = SimpleNamespace(color_trc=transfer, color_primaries=primaries)
    assert Colours.of(picture) == expected


@pytest.mark.parametrize(
    ("form", "deep"),
    [("yuv420p", False), ("rgb24", False), ("gray", False), ("yuv420p9le", True), ("p010le", True)],
)
def test_more_than_eight_bits_are_deep(form: str, deep: bool) -> None:
    assert is_deep(SimpleNamespace(format=SimpleNamespace(name=form))) is deep


@pytest.mark.parametrize(
    ("transfer", "light"),
    [
        ("pq", [0, 3.72708e-8, 6.48726e-5, 0.000183059, 0.0237291, 0.454971, 4.23727, 49.2611]),
        ("hlg", [0, 4.50548e-8, 0.000202251, 0.000541864, 0.0200444, 0.0833742, 0.246071, 1]),
        ("screen", [0, 2.84557e-5, 0.00190653, 0.00312064, 0.0489837, 0.214155, 0.500091, 1]),
    ],
)
def test_the_curves_of_brightness_are_those_of_their_standards(
    transfer: str, light: list[float]
) -> None:
    codes = [0, 1, 100, 164, 1000, 2040, 3000, 4095]
    assert colours._light(transfer)[codes].tolist() == pytest.approx(light, rel=1e-5)
    assert colours._light(transfer).shape == (4096,)


def test_shades_are_coded_as_srgb_has_it() -> None:
    shades = colours._shades()
    begins = [int(np.searchsorted(shades, code)) for code in (1, 5, 10, 11, 50, 150, 254, 255)]
    assert begins == [51, 152, 220, 232, 725, 2254, 4068, 4086]
    assert (shades.shape, int(shades.astype(int).sum())) == ((4096,), 544567)


def test_brightness_is_pressed_from_a_little_below_white_on() -> None:
    brightest = np.array([0, 0.5, 0.85, 0.9, 1, 2, 10], np.float32)
    pressed = colours._pressed(brightest) * brightest
    assert pressed.tolist() == pytest.approx([0, 0.5, 0.85, 0.898227, 0.964239, 1, 1], abs=1e-5)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Colours("pq", wide=True), [[129, 174, 200], [255, 166, 0]]),
        (Colours("hlg", wide=False), [[126, 134, 142], [249, 158, 90]]),
        (Colours("screen", wide=True), [[111, 126, 134], [168, 139, 65]]),
    ],
)
def test_single_colours_are_shown_as_they_always_were(
    how: Colours, expected: list[list[int]]
) -> None:
    codes = {"hlg": [50_000, 36_000, 20_000]}.get(how.transfer, [40_000, 36_000, 20_000])
    shown = how.shown(np.array([[30_000, 32_000, 34_000], codes], np.uint16))
    assert shown.tolist() == [pytest.approx(colour, abs=1) for colour in expected]


@pytest.mark.parametrize("transfer", ["screen", "pq", "hlg"])
def test_colours_beyond_the_screens_are_its_purest(transfer: str) -> None:
    pure = CODED_WHITE * np.array([[1, 0, 0], [0, 1, 0], [1, 1, 1]], np.uint16)
    shown = Colours(transfer, wide=True).shown(pure)
    assert shown.tolist() == [[255, 0, 0], [0, 255, 0], [255, 255, 255]]


@pytest.mark.parametrize("matrix", [*range(3), *range(4, 8), 9])
def test_a_matrix_that_the_scaler_knows_is_left_alone(matrix: int) -> None:
    picture = SimpleNamespace(
        colorspace=matrix, color_primaries=9, format=SimpleNamespace(is_rgb=True)
    )
    colours.mend_matrix(picture)
    assert picture.colorspace == matrix


@pytest.mark.parametrize(
    ("matrix", "primaries", "is_rgb", "taken_for"),
    [
        *((0, 1, False, 2), (3, 1, False, 1), (8, 1, False, 1), (8, 9, False, 9), (3, 9, True, 9)),
        *((10, 1, False, 9), (14, 1, False, 9), (11, 1, False, 1), (13, 1, False, 1)),
    ],
)
def test_another_matrix_is_taken_for_the_nearest(
    matrix: int, primaries: int, is_rgb: bool, taken_for: int
) -> None:
    picture = SimpleNamespace(
        colorspace=matrix, color_primaries=primaries, format=SimpleNamespace(is_rgb=is_rgb)
    )
    colours.mend_matrix(picture)
    assert picture.colorspace == taken_for
