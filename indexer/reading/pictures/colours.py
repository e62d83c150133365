"""High dynamic range and wide colours, as an ordinary screen shows them (sRGB).

White of such a recording is 203 cd/m², as ITU-R BT.2408 has it: up to a little below it every
colour is that of an ordinary recording of the same scene; what is brighter is pressed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from av.video.format import VideoFormat
from av.video.reformatter import ColorPrimaries, ColorTrc

# The largest code in 16 bits, as swscale makes them: 255 × 256.
CODED_WHITE = 65_280
_WHITE_CD = 203.0
_HLG_SCREEN_CD = 1000.0
_CODES = 4096
_SHADES = 4096
# Matrices by their number in files (ITU-T H.273): those that the scaler knows, and two forms of
# BT.2020 that it does not.
_RGB, _BT709, _UNSPECIFIED, _BT2020 = 0, 1, 2, 9
_MATRICES = frozenset((_RGB, _BT709, _UNSPECIFIED, 4, 5, 6, 7, _BT2020))
_OF_2020 = frozenset((10, 14))
# From here on brightness is pressed together, so that what is brighter than white differs from it.
_KNEE = 0.85
_BRIGHTNESS_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
_FROM_2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


@dataclass(frozen=True)
class Colours:
    """How a recording stores its colours, where an ordinary screen cannot show them as they are.

    transfer: "pq" (HDR10), "hlg", or "screen" for ordinary brightness with wide colours
    wide: its three colours are those of BT.2020
    """

    transfer: str
    wide: bool

    @classmethod
    def of(cls, picture: Any) -> Colours | None:
        """Those of a decoded picture (of PyAV); None for one that can be shown as it is."""
        transfers = {ColorTrc.SMPTE2084: "pq", ColorTrc.ARIB_STD_B67: "hlg"}
        transfer = transfers.get(picture.color_trc, "screen")
        wide = picture.color_primaries == ColorPrimaries.BT2020
        if transfer == "screen" and not wide:
            return None
        # A recording that names no colours but has this brightness comes from such a camera.
        named = picture.color_primaries not in (ColorPrimaries.UNSPECIFIED, 0)
        return cls(transfer, wide or not named)

    @property
    def is_hdr(self) -> bool:
        """Whether it is brighter than an ordinary screen."""
        return self.transfer != "screen"

    def shown(self, coded: np.ndarray) -> np.ndarray:
        """What a screen shows; shape: (..., 3), uint8, sRGB.

        coded: red, green and blue as stored; shape: (..., 3), uint16, white is `CODED_WHITE`
        """
        light = _light(self.transfer)[coded >> 4]
        if self.transfer == "hlg":
            # The brightness of a screen rises faster than that of the scene.
            scene = np.maximum(light @ _BRIGHTNESS_2020, 1e-6)
            light *= (scene ** np.float32(0.2))[..., None]
            light *= np.float32(_HLG_SCREEN_CD / _WHITE_CD)
        if self.wide:
            light = light @ _FROM_2020.T
        np.maximum(light, 0, out=light)
        if self.is_hdr:
            light *= _pressed(light.max(axis=-1))[..., None]
        np.minimum(light, 1, out=light)
        # Square roots spread the dark shades, where eyes are keen.
        return _shades()[(np.sqrt(light) * (_SHADES - 1) + 0.5).astype(np.uint16)]


def _pressed(brightest: np.ndarray) -> np.ndarray:
    """What to multiply a colour by whose brightest part is this, so that it fits the screen."""
    above = np.maximum(brightest - _KNEE, 0)
    pressed = _KNEE + (1 - _KNEE) * np.tanh(above / (1 - _KNEE))
    return np.where(above > 0, pressed / np.maximum(brightest, _KNEE), 1).astype(np.float32)


def mend_matrix(picture: Any) -> None:
    """Give a decoded picture whose matrix the scaler does not know the nearest one that it knows.

    Brightness is then right and colours are about right, where it would not convert at all.
    """
    matrix = picture.colorspace
    if matrix == _RGB and not picture.format.is_rgb:
        picture.colorspace = _UNSPECIFIED
    elif matrix not in _MATRICES:
        wide = matrix in _OF_2020 or picture.color_primaries == ColorPrimaries.BT2020
        picture.colorspace = _BT2020 if wide else _BT709


def is_deep(picture: Any) -> bool:
    """Whether a decoded picture has more than eight bits for a colour."""
    return _bits(picture.format.name) > 8


@lru_cache
def _bits(form: str) -> int:
    return max((component.bits for component in VideoFormat(form).components), default=8)


@lru_cache
def _light(transfer: str) -> np.ndarray:
    """Light for each code: 1 is white for "pq" and "screen"; scene light for "hlg"; (4096,)."""
    code = np.minimum((np.arange(_CODES) + 0.5) * 16 / CODED_WHITE, 1.0)
    code[0] = 0.0
    if transfer == "pq":  # SMPTE ST 2084
        root = code ** (32 / 2523)
        top, bottom = np.maximum(root - 3424 / 4096, 0), 2413 / 128 - 2392 / 128 * root
        light = (top / bottom) ** (16384 / 2610) * 10_000 / _WHITE_CD
    elif transfer == "hlg":  # ARIB STD-B67
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@lru_cache
def _shades() -> np.ndarray:
    """The sRGB code of each square root of light; (4096,), uint8."""
    light = (np.arange(_SHADES) / (_SHADES - 1)) ** 2
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * code).astype(np.uint8)
