"""What an ordinary screen shows of high dynamic range and of wide colours."""

from types import SimpleNamespace

import numpy as np
import pytest

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
