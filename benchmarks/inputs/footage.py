"""Video files that cost what filmed ones cost: textured, moving, grainy, in several shots."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

WIDTH, HEIGHT, FRAME_RATE = 1280, 720, 30
# The usual keyframes and B-frames; quicker to make than to film.
_ENCODING = {"preset": "veryfast", "crf": "23"}
_THINGS = 6
_THING_SIDE_PX = 120
_GRAIN_FIELDS = 8
_COARSEST_PX = 512
# How fast detail fades as it gets finer; chosen so that a clip has 2 to 3 Mbit/s, like filmed ones.
_FADING = 0.3


@dataclass(frozen=True)
class Shot:
    """One take: how long, how far everything moves in a frame, and how strong its grain is.

    `motion_px` is an even number, 0 for a camera that stands still before a still scene; `grain`
    is the standard deviation in grey levels.
    """

    duration_s: float
    motion_px: int
    grain: float = 4.0


def write_clip(
    path: Path, shots: Sequence[Shot], *, seed: int, frame_rate: int = FRAME_RATE
) -> Path:
    """Write a 720p H.264 file of `shots`; the same arguments draw the same frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=frame_rate, options=_ENCODING)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, frame_rate)
        stream.thread_type = "AUTO"
        frames = (
            frame
            for number, shot in enumerate(shots)
            for frame in _frames(shot, round(shot.duration_s * frame_rate), seed=(seed, number))
        )
        for position, planes in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = position, Fraction(1, frame_rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_repeated(path: Path, minute: Path, *, times: int) -> Path:
    """Write the packets of a file `times` times over, one copy after the other: no encoding."""
    with av.open(str(path), "w") as target:
        stream = None
        for copy in range(times):
            with av.open(str(minute)) as source:
                original = source.streams.video[0]
                stream = stream or target.add_stream_from_template(original)
                for packet in source.demux(original):
                    if packet.dts is None:  # the mark of the end
                        continue
                    packet.pts += copy * original.duration
                    packet.dts += copy * original.duration
                    packet.stream = stream
                    target.mux(packet)
    return path


def _frames(shot: Shot, count: int, *, seed: tuple[int, int]) -> Iterator[np.ndarray]:
    """Planes, uint8 (1.5 × height, width), of a scene that the camera pans over."""
    random = np.random.default_rng(seed)
    way_px = shot.motion_px * count
    light = _texture(random, WIDTH + way_px, HEIGHT)
    colours = [_texture(random, (WIDTH + way_px) // 2, HEIGHT // 2) for _ in range(2)]
    things = [_texture(random, _THING_SIDE_PX, _THING_SIDE_PX) for _ in range(_THINGS)]
    starts = random.integers(0, (WIDTH, HEIGHT), (_THINGS, 2))
    steps = shot.motion_px * random.uniform(-1, 1, (_THINGS, 2))
    fields = shot.grain * random.standard_normal((_GRAIN_FIELDS, HEIGHT, WIDTH), np.float32)
    grain = fields.astype(np.int16)
    for number in range(count):
        left_px = shot.motion_px * number
        lit = light[:, left_px : left_px + WIDTH].astype(np.int16)
        for thing, place in zip(things, (starts + number * steps).astype(int), strict=True):
            _put(lit, thing, place)
        lit += grain[random.integers(_GRAIN_FIELDS)]
        coloured = [plane[:, left_px // 2 : (left_px + WIDTH) // 2] for plane in colours]
        yield np.vstack(
            [np.clip(lit, 16, 235).astype(np.uint8)]
            + [plane.reshape(HEIGHT // 4, WIDTH) for plane in coloured]
        )


def _put(light: np.ndarray, thing: np.ndarray, place: np.ndarray) -> None:
    """Draw a thing over a picture, coming back on the other side when it leaves."""
    left, top = place % (WIDTH - _THING_SIDE_PX, HEIGHT - _THING_SIDE_PX)
    light[top : top + _THING_SIDE_PX, left : left + _THING_SIDE_PX] = thing


def _texture(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Noise that is stronger the coarser it is, as in photographs; uint8, (height, width)."""
    picture = np.zeros((height, width), np.float32)
    side_px = _COARSEST_PX
    while side_px >= 2:
        shape = (height // side_px + 2, width // side_px + 2)
        coarse = Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8))
        smooth = coarse.resize((width, height), Image.Resampling.BICUBIC)
        picture += (np.asarray(smooth, np.float32) - 127.5) * side_px**_FADING
        side_px //= 2
    return np.clip(128 + 40 * picture / picture.std(), 16, 235).astype(np.uint8)
