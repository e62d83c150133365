"""Pictures for the model and keyframes: a grey is shown as that grey, however it is stored."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from indexer.reading.pictures import converting
from indexer.reading.settings import IndexSettings
from indexer.reading.video import open_reader, thumbnail
from tests.colour_charts import (
    BT601,
    BT709,
    BT2020,
    CHART,
    FULL,
    HLG,
    PQ,
    colours_of,
    write_chart,
    write_hdr_chart,
)

FORMS: dict[str, dict[str, Any]] = {
    "television.mp4": {},
    "full.mp4": {"levels": FULL},
    "phone.mp4": {"form": "yuvj420p", "levels": FULL},
    "old-matrix.mp4": {"matrix": BT601},
    "full-old-matrix.mp4": {"matrix": BT601, "levels": FULL},
    "unnamed.mp4": {"matrix": BT601, "named": False},
    "ten-bit.mp4": {"form": "yuv420p10le"},
    "ten-bit-full.mp4": {"form": "yuv420p10le", "levels": FULL},
    "every-colour.mp4": {"form": "yuv444p"},
    "screen.mkv": {"form": "bgr24", "codec": "libx264rgb", "named": False},
    "camera.mov": {"form": "yuvj420p", "matrix": BT601, "levels": FULL, "codec": "mjpeg"},
}


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("charts")
    made = {name: write_chart(folder / name, **how) for name, how in FORMS.items()}
    made["hdr10.mp4"] = write_hdr_chart(folder / "hdr10.mp4", PQ)
    made["hlg.mp4"] = write_hdr_chart(folder / "hlg.mp4", HLG)
    return made


def shown(path: Path, decoder: str) -> np.ndarray:
    settings = IndexSettings(decoder=decoder)
    with open_reader(path, short_side=96, settings=settings) as reader:
        return colours_of(next(iter(reader.frames())).pixels())


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.parametrize("name", [*FORMS, "hdr10.mp4", "hlg.mp4"])
def test_the_colours_shown_are_those_that_were_recorded(
    name: str, decoder: str, charts: dict[str, Path]
) -> None:
    colours = shown(charts[name], decoder)
    is_hdr = name in ("hdr10.mp4", "hlg.mp4")
    assert np.abs(colours - CHART).max() <= (6 if is_hdr else 3)
    assert np.abs(colours[1] - 128).max() <= 2


def test_a_grey_video_is_grey(tmp_path: Path) -> None:
    for levels in (1, FULL):
        chart = write_chart(tmp_path / f"{levels}.mp4", "gray", levels=levels)
        assert np.abs(shown(chart, "pyav")[1] - 128).max() <= 2


def test_a_keyframe_made_again_is_tone_mapped(charts: dict[str, Path]) -> None:
    import io

    from PIL import Image

    jpeg = thumbnail(charts["hdr10.mp4"], 0.2, short_side=96, settings=IndexSettings())
    assert np.abs(colours_of(np.array(Image.open(io.BytesIO(jpeg))))[:2, 0] - [253, 128]).max() <= 4


# 8 and 10 to 14 are matrices that the scaler does not know; 0 is none, on pictures that need one.
@pytest.mark.parametrize("matrix", [0, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15])
def test_a_video_of_an_unusual_matrix_is_read(tmp_path: Path, matrix: int) -> None:
    import av

    path = write_chart(tmp_path / "usual.mp4")
    unusual = tmp_path / "unusual.mp4"
    with av.open(str(path)) as source, av.open(str(unusual), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        filters = f"h264_metadata=matrix_coefficients={matrix}"
        mended = av.BitStreamFilterContext(filters, source.streams.video[0], stream)
        for packet in source.demux(video=0):
            for changed in mended.filter(packet):
                changed.stream = stream
                target.mux(changed)
    colours = shown(unusual, "pyav")
    assert np.abs(colours[[0, 1, -1]] - [[255], [128], [0]]).max() <= 2
    assert np.abs(colours - CHART).max() <= 30


def test_matrices_of_wide_colours_are_taken_for_the_nearest(tmp_path: Path) -> None:
    named = {"matrix": BT2020, "primaries": BT709}
    assert np.abs(shown(write_chart(tmp_path / "a.mp4", **named), "pyav") - CHART).max() <= 3


def picture_of(form: str, *planes: np.ndarray) -> av.VideoFrame:
    """A picture whose planes hold these pixels."""
    height, width = planes[0].shape
    picture = av.VideoFrame(width, height, form)
    for plane, pixels in zip(picture.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = pixels
        plane.update(rows.tobytes())
    return picture


def ramps(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that tell their row, and pixels that tell their column."""
    down, right = np.mgrid[:height, :width].astype(np.uint8)
    return down, right


def rows_of(values: list[float], count: int) -> list[list[float]]:
    return [[value] * count for value in values]


@pytest.mark.parametrize("form", ["yuv420p", "yuva420p"])
def test_a_look_is_of_the_whole_picture_in_brightness_and_colours(form: str) -> None:
    (down, right), (rows, columns) = ramps(147, 255), ramps(74, 128)
    planes = (down, rows, columns, right)[: 4 if form == "yuva420p" else 3]
    look = converting._look_in_place(picture_of(form, *planes))
    # Of every second pixel, brightness two by two averaged; what is left over is left out.
    assert look.shape == (3, 36, 63)
    assert look[0].tolist() == rows_of([4 * row + 2 for row in range(36)], 63)
    assert look[1].tolist() == rows_of([2 * row + 1 for row in range(36)], 63)
    assert look[2].T.tolist() == rows_of([2 * column + 1 for column in range(63)], 36)


def test_of_a_small_picture_every_pixel_is_looked_at() -> None:
    (down, right), (rows, _) = ramps(20, 30), ramps(10, 15)
    look = converting._look_in_place(picture_of("yuv420p", right, rows, rows))
    assert look[0].T.tolist() == rows_of([2 * column + 0.5 for column in range(15)], 10)
    assert look[1].tolist() == look[2].tolist() == rows_of([float(row) for row in range(10)], 15)
    look = converting._look_in_place(picture_of("yuv444p", right, down, right))
    assert look[1].tolist() == rows_of([2 * row + 1.0 for row in range(10)], 15)


@pytest.mark.parametrize(
    ("height", "width", "brightness"),
    [(2, 4, [[0.5, 2.5]]), (4, 2, [[0.5], [0.5]]), (1, 4, [[1.5, 1.5]]), (1, 1, [[0.0]])],
)
def test_a_picture_of_a_single_row_is_its_mean(
    height: int, width: int, brightness: list[list[float]]
) -> None:
    _, right = ramps(height, width)
    look = converting._look_in_place(picture_of("yuv444p", right, right, right))
    assert look[0].tolist() == brightness


def test_the_look_of_a_single_pixel_is_that_pixel() -> None:
    pixel = np.ones((1, 1), np.uint8)
    look = converting._look_in_place(picture_of("yuv444p", 10 * pixel, 20 * pixel, 30 * pixel))
    assert look.tolist() == [[[10]], [[20]], [[30]]]


def test_pictures_of_one_size_are_looked_at_in_place_and_others_brought_to_it() -> None:
    noise = np.random.default_rng(1).integers(16, 236, (160, 200), dtype=np.uint8)
    usual = picture_of("yuv444p", noise, noise, noise)
    converter = converting.Converter((160, 200), 0)
    for _ in range(2):
        assert np.array_equal(converter.look(usual), converting._look_in_place(usual))
    smaller = picture_of("yuv444p", *[np.full((50, 70), level, np.uint8) for level in (90, 50, 70)])
    look = converter.look(smaller)
    assert look.shape == converter.look(usual).shape == (3, 40, 50)
    assert look.mean(axis=(1, 2)) == pytest.approx([90, 50, 70], abs=1)
    assert np.array_equal(converter.look(usual), converting._look_in_place(usual))
