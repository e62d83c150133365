"""Small upright RGB pictures for the model, and still smaller ones that shots are told by."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from indexer.reading.errors import DecodeFailed
from indexer.reading.pictures.colours import Colours, is_deep, mend_matrix

_LOOK_ROWS = 36
# Pictures whose planes can be looked at in place: 8 bits, brightness first, two colour planes.
_PLANAR = {
    f"{family}{layout}p" for family in ("yuv", "yuvj") for layout in ("420", "422", "444", "440")
}


class Converter:
    """Makes upright RGB pictures of the wanted size; keeps the scalers that it has set up.

    Raises, on converting: DecodeFailed, if the pictures are of a form that cannot be converted.
    """

    def __init__(self, size: tuple[int, int], rotation: int) -> None:
        width, height = size[::-1] if rotation in (90, 270) else size
        self._target = {"width": width, "height": height, "format": "rgb24"}
        self._quarter_turns = rotation // 90
        self._for_pixels = VideoReformatter()
        self._for_looks = VideoReformatter()
        self._look_shape: tuple[int, int] | None = None

    def pixels(self, picture: Any) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(self._small(picture), self._quarter_turns))

    def _small(self, picture: Any) -> np.ndarray:
        colours = Colours.of(picture)
        if colours is not None:
            coded = {**self._target, "format": "rgb48le"}
            return colours.shown(
                self._reformat(self._for_pixels, picture, Interpolation.BICUBIC, coded)
            )
        how = Interpolation.BICUBIC
        if is_deep(picture):
            how |= Interpolation.FULL_CHR_H_INT  # without it, all is two grey levels too dark
        return self._reformat(self._for_pixels, picture, how, self._target)

    def look(self, picture: Any) -> np.ndarray:
        if picture.format.name in _PLANAR:
            look = _look_in_place(picture)
            if look.shape[1:] == self._look_shape or self._look_shape is None:
                self._look_shape = look.shape[1:]
                return look
        return self._scaled_look(picture)

    def _scaled_look(self, picture: Any) -> np.ndarray:
        """For unusual pictures, and those whose size changes in the middle of a video."""
        if self._look_shape is None:
            rows = min(_LOOK_ROWS, picture.height)
            self._look_shape = rows, max(1, round(picture.width * rows / picture.height))
        rows, columns = self._look_shape
        target = {"width": columns, "height": rows, "format": "yuv444p"}
        small = self._reformat(self._for_looks, picture, Interpolation.AREA, target)
        return small.astype(np.float32)

    def _reformat(
        self, scaler: VideoReformatter, picture: Any, how: Interpolation, target: dict[str, Any]
    ) -> np.ndarray:
        mend_matrix(picture)
        try:
            pixels: np.ndarray = scaler.reformat(picture, interpolation=how, **target).to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise DecodeFailed(
                "decode", f"its pictures ({picture.format.name}) cannot be converted"
            ) from error
        return pixels


def _look_in_place(picture: Any) -> np.ndarray:
    """Every n-th pixel of each plane, two by two averaged: a tenth of the cost of scaling."""
    brightness, *colours = (_plane(plane) for plane in picture.planes[:3])
    step = max(1, min(picture.height, picture.width) // (2 * _LOOK_ROWS))
    sampled = brightness[step // 2 :: step, step // 2 :: step].astype(np.float32)
    rows, columns = sampled.shape[0] // 2, sampled.shape[1] // 2
    look = np.empty((3, max(1, rows), max(1, columns)), np.float32)
    if min(rows, columns) < 1:
        look[:] = np.array([plane.mean() for plane in (brightness, *colours)])[:, None, None]
        return look
    sampled = sampled[: 2 * rows, : 2 * columns]
    tall = sampled[::2] + sampled[1::2]
    look[0] = (tall[:, ::2] + tall[:, 1::2]) / 4
    for number, plane in enumerate(colours, start=1):
        down = max(1, 2 * step * plane.shape[0] // picture.height)
        right = max(1, 2 * step * plane.shape[1] // picture.width)
        look[number] = plane[down // 2 :: down, right // 2 :: right][:rows, :columns]
    return look


def _plane(plane: Any) -> np.ndarray:
    pixels = np.frombuffer(plane, np.uint8)
    return pixels.reshape(-1, plane.line_size)[: plane.height, : plane.width]
