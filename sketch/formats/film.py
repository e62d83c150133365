"""Films of strokes: how a sketch came about, and strokes that move from keyframe to keyframe."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import av
import numpy as np
from PIL import Image

from sketch.canvas import Target
from sketch.formats.animated_svg import Times, check_moments
from sketch.formats.png import grey
from sketch.strokes import CANVAS, Drawing, Strokes

_FRAMES_PER_S = 25
# The first strokes are seen before they begin to move, and the finished sketch for a while.
_BEFORE_S, _DRAWING_S, _AFTER_S = 0.5, 6.0, 2.0

FilmForm = Literal["mp4", "webp"]
# A film is looked at; an animated picture is one of many on a page.
_SIZES: dict[FilmForm, int] = {"mp4": 2 * CANVAS, "webp": CANVAS}
# H.264 as every browser plays it. Lines in few greys are smaller as lossless WebP than as lossy.
_CODECS: dict[FilmForm, tuple[str, str, dict[str, str]]] = {
    "mp4": ("libx264", "yuv420p", {"preset": "veryfast", "crf": "18"}),
    "webp": ("libwebp_anim", "bgra", {"lossless": "1", "compression_level": "2"}),
}
_CONTAINER_OPTIONS: dict[FilmForm, dict[str, str]] = {
    "mp4": {"movflags": "faststart"},  # plays while it is still loading
    "webp": {"loop": "0"},  # for ever
}


def making_of(drawing: Drawing, target: Target, *, size: int = _SIZES["mp4"]) -> bytes:
    """An mp4 of the strokes on their way, beside the picture; at the end the finished sketch stays.

    Both are `size` pixels square; an odd size becomes the next even one. Raises ValueError when
    the drawing has no history.
    """
    if not drawing.history:
        raise ValueError("the history of this drawing was not recorded")
    side = _even(size)
    photograph = _photograph(target, side)
    pictures = (
        np.hstack([photograph, _coloured(sketched)])
        for sketched in _sketches_of_making(drawing, side)
    )
    return _film(pictures, "mp4")


def morphing_film(
    frames: Sequence[Strokes], times_s: Times, *, form: FilmForm = "mp4", size: int | None = None
) -> bytes:
    """A film of strokes that move evenly from frame to frame and back, as mp4 or animated WebP.

    It is `size` pixels square, 448 for mp4 and 224 for WebP unless told; an odd size becomes the
    next even one. A stroke is known by its place, as in `morphing_svg`. The film can be repeated
    without a jump. Raises ValueError when the frames differ in their number of strokes, or the
    times do not rise.
    """
    check_moments(frames, times_s)
    side = _even(size or _SIZES[form])
    moments_s = _moments(float(times_s[0]), float(times_s[-1]))
    pictures = (grey(_strokes_at(frames, times_s, at_s), size=side) for at_s in moments_s)
    if form == "webp":
        pictures = (_in_few_greys(picture) for picture in pictures)
    return _film((_coloured(picture) for picture in pictures), form)


def _moments(start_s: float, end_s: float) -> list[float]:
    """There and back, the first one only once."""
    steps = max(1, round((end_s - start_s) * _FRAMES_PER_S))
    there = np.linspace(start_s, end_s, steps + 1).tolist()
    return there + there[-2:0:-1]


def _sketches_of_making(drawing: Drawing, side: int) -> Iterator[np.ndarray]:
    """Each picture of the film's drawing half, uint8 (side, side)."""
    history = drawing.history
    times_s = np.linspace(0, _DRAWING_S, len(history))
    yield from repeat(grey(history[0], size=side), round(_BEFORE_S * _FRAMES_PER_S))
    if len(history) > 1:
        for at_s in np.arange(0, _DRAWING_S, 1 / _FRAMES_PER_S):
            yield grey(_strokes_at(history, times_s, float(at_s)), size=side)
    yield from repeat(grey(drawing.sketch.strokes, size=side), round(_AFTER_S * _FRAMES_PER_S))


def _strokes_at(frames: Sequence[Strokes], times_s: Times, time_s: float) -> Strokes:
    """The strokes at any time, evenly on their way from one frame to the next.

    Before the first frame and after the last one they stand still. Where the number of strokes
    changes from one frame to the next, the earlier one stays until then.
    """
    after = int(np.searchsorted(times_s, time_s, side="right"))
    if after == 0:
        return frames[0]
    if after == len(frames) or len(frames[after]) != len(frames[after - 1]):
        return frames[after - 1]
    share = (time_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1])
    return _blend(frames[after - 1], frames[after], np.float32(share))


def _blend(before: Strokes, after: Strokes, share: np.float32) -> Strokes:
    return Strokes(
        before.points + share * (after.points - before.points),
        before.half_widths + share * (after.half_widths - before.half_widths),
        before.opacities + share * (after.opacities - before.opacities),
    )


def _even(size: int) -> int:
    return size + size % 2


def _photograph(target: Target, side: int) -> np.ndarray:
    whole = Image.fromarray(np.rint(255 * target.picture.clip(0, 1)).astype(np.uint8))
    return np.asarray(whole.resize((side, side), Image.Resampling.LANCZOS))


def _in_few_greys(picture: np.ndarray) -> np.ndarray:
    """Sixteen levels: the eye does not miss the others, and a WebP is a third smaller."""
    return (np.rint(picture / 17) * 17).astype(np.uint8)


def _coloured(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture[..., None], 3, axis=2)


def _film(pictures: Iterable[np.ndarray], form: FilmForm) -> bytes:
    """The pictures, uint8 RGB, as a film; only one of them is in memory at a time."""
    # It goes through a file, because mp4 is written twice for `faststart`.
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{form}"
        options = _CONTAINER_OPTIONS[form]
        with av.open(str(path), "w", format=form, options=options) as container:
            _encode(pictures, container, form)
        return path.read_bytes()


def _encode(pictures: Iterable[np.ndarray], container: Any, form: FilmForm) -> None:
    codec, pixel_format, options = _CODECS[form]
    stream = container.add_stream(codec, rate=_FRAMES_PER_S, options=options)
    stream.pix_fmt = pixel_format
    stream.codec_context.thread_count = 1
    for number, picture in enumerate(pictures):
        if number == 0:
            stream.height, stream.width = picture.shape[:2]
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, _FRAMES_PER_S)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
