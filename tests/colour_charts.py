"""Videos of known colours: ordinary ones in every form, and the same as high dynamic range."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BT709, BT601, BT2020 = 1, 5, 9
TELEVISION, FULL = 1, 2
PQ, HLG = 16, 18
# White, a grey, three colours, skin and black.
CHART = (
    (255, 255, 255),
    (128, 128, 128),
    (200, 40, 40),
    (40, 160, 60),
    (40, 60, 200),
    (224, 172, 140),
    (0, 0, 0),
)
WIDTH, HEIGHT = 224, 96
_STRIPE = WIDTH // len(CHART)
# From BT.709 to BT.2020 (ITU-R BT.2087).
_TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def chart() -> np.ndarray:
    """Stripes of the colours; shape: (height, width, 3), uint8."""
    return np.repeat(np.array(CHART, np.uint8)[None], _STRIPE, axis=1).repeat(HEIGHT, axis=0)


def colours_of(picture: np.ndarray) -> np.ndarray:
    """The colour in the middle of each stripe; shape: (7, 3), int."""
    height, width = picture.shape[:2]
    centres = ((np.arange(len(CHART)) + 0.5) * width / len(CHART)).astype(int)
    return picture[height // 2, centres].astype(int)


def light_of(srgb: np.ndarray) -> np.ndarray:
    """Linear light, 1 for white, of codes from 0 to 255."""
    code = srgb / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def pq_code(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, 0 to 1; light 1 is 203 cd/m²."""
    root = (np.clip(light, 0, None) * 203 / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * root) / (1 + 2392 / 128 * root)) ** (2523 / 32)


def hlg_code(light: np.ndarray) -> np.ndarray:
    """ARIB STD-B67, 0 to 1, for a screen of 1000 cd/m²; light 1 is 203 of them."""
    screen = np.clip(light, 0, None) * 203 / 1000
    brightness = (screen @ [0.2627, 0.6780, 0.0593])[..., None]
    scene = screen * np.maximum(brightness, 1e-9) ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


def write_chart(
    path: Path,
    form: str = "yuv420p",
    *,
    matrix: int = BT709,
    levels: int = TELEVISION,
    codec: str = "libx264",
    named: bool = True,
    picture: np.ndarray | None = None,
    primaries: int = 1,
    transfer: int = 1,
) -> Path:
    """Write a chart in some form of pixels. Pictures of 16 bits have 65280 as their white.

    named: say in the file which matrix, range, primaries and transfer are meant
    """
    shown = chart() if picture is None else picture
    source = "rgb24" if shown.dtype == np.uint8 else "rgb48le"
    options = {"libx264": {"crf": "4"}, "libx264rgb": {"qp": "0"}, "mjpeg": {"qscale": "1"}}
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=10, options=options.get(codec, {}))
        stream.height, stream.width = shown.shape[:2]
        stream.pix_fmt = form
        if named:
            context = stream.codec_context
            context.colorspace, context.color_range = matrix, levels
            context.color_primaries, context.color_trc = primaries, transfer
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(shown, format=source).reformat(
                format=form, dst_colorspace=matrix, dst_color_range=levels, src_color_range=FULL
            )
            frame.pts, frame.time_base = number, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def write_hdr_chart(path: Path, transfer: int, *, brighter: float = 1.0) -> Path:
    """The same colours as HDR10 (PQ) or HLG in BT.2020, white at 203 cd/m² as BT.2408 says."""
    light = light_of(chart()) @ _TO_2020.T * brighter
    code = pq_code(light) if transfer == PQ else hlg_code(light)
    picture = np.round(np.clip(code, 0, 1) * 65_280).astype(np.uint16)
    how = {"matrix": BT2020, "primaries": BT2020, "transfer": transfer, "picture": picture}
    return write_chart(path, "yuv420p10le", **how)
