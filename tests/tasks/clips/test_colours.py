"""Colours of clips that are encoded anew: what was shown of the file is shown of the clip."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from indexer.reading.pictures.colours import Colours
from indexer.reading.settings import IndexSettings
from tasks.clips import colours
from tasks.clips.colours import ClipPictures
from tasks.clips.cutting import cut
from tasks.clips.job import CutJob
from tests.colour_charts import (
    BT601,
    BT709,
    BT2020,
    CHART,
    FULL,
    HLG,
    PQ,
    TELEVISION,
    colours_of,
    write_chart,
    write_hdr_chart,
)

# What is written, and the matrix, primaries and transfer that the clip must name.
FORMS: list[tuple[str, dict[str, Any], tuple[int, int, int]]] = [
    ("television.mp4", {}, (BT709, 1, 1)),
    ("phone.mp4", {"form": "yuvj420p", "levels": FULL}, (BT709, 1, 1)),
    ("full.mp4", {"levels": FULL}, (BT709, 1, 1)),
    (
        "full-old.mp4",
        {"matrix": BT601, "levels": FULL, "primaries": 6, "transfer": 6},
        (BT601, 6, 6),
    ),
    ("ten-bit.mp4", {"form": "yuv420p10le"}, (BT709, 1, 1)),
    ("ten-bit-full.mp4", {"form": "yuv420p10le", "levels": FULL}, (BT709, 1, 1)),
    ("every-colour.mp4", {"form": "yuv444p"}, (BT709, 1, 1)),
    ("screen.mkv", {"form": "bgr24", "codec": "libx264rgb", "named": False}, (BT709, 2, 2)),
    ("wide-matrix.mp4", {"form": "yuv420p10le", "matrix": BT2020}, (BT2020, 1, 1)),
]


def first_picture(path: Path) -> Any:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def clip_of(source: Path, target: Path, *, to_keep: bool) -> Any:
    cut(CutJob(source, target, 0.0, 0.4, IndexSettings(), to_keep=to_keep))
    return first_picture(target)


def named(picture: Any) -> tuple[int, int, int]:
    return picture.colorspace, picture.color_primaries, picture.color_trc


@pytest.mark.parametrize("to_keep", [True, False])
@pytest.mark.parametrize(("name", "how", "names"), FORMS, ids=[form[0] for form in FORMS])
def test_a_clip_shows_the_colours_of_its_file_and_says_how(
    tmp_path: Path, name: str, how: dict[str, Any], names: tuple[int, int, int], to_keep: bool
) -> None:
    picture = clip_of(write_chart(tmp_path / name, **how), tmp_path / "clip.mp4", to_keep=to_keep)
    assert (named(picture), picture.color_range) == (names, TELEVISION)
    shown = colours_of(picture.to_ndarray(format="rgb24"))
    assert np.abs(shown - CHART).max() <= 5
    assert np.abs(shown[1] - 128).max() <= 2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_clip_of_high_dynamic_range_is_tone_mapped(tmp_path: Path, transfer: int) -> None:
    source = write_hdr_chart(tmp_path / "hdr.mp4", transfer)
    picture = clip_of(source, tmp_path / "clip.mp4", to_keep=True)
    assert (named(picture), picture.color_range) == ((BT709, 1, 1), TELEVISION)
    assert np.abs(colours_of(picture.to_ndarray(format="rgb24")) - CHART).max() <= 9


def test_what_no_matrix_is_known_for_is_cut_all_the_same(tmp_path: Path) -> None:
    source = write_chart(tmp_path / "odd.mp4", named=False, matrix=BT601)
    picture = clip_of(source, tmp_path / "clip.mp4", to_keep=True)
    assert named(picture) == (2, 2, 2)  # as players guess for the file, they guess for the clip
    assert np.abs(colours_of(picture.to_ndarray(format="rgb24")) - CHART).max() <= 4


class Picture:
    """A picture of one matrix, which tells how it would be put into a clip."""

    color_trc = color_primaries = 1
    format = SimpleNamespace(is_rgb=False)

    def __init__(self, matrix: int) -> None:
        self.colorspace = matrix

    def reformat(self, **how: Any) -> dict[str, Any]:
        return how


@pytest.mark.parametrize(
    ("first", "scalers"), [(1, 1), (4, 4), (5, 5), (6, 5), (7, 7), (9, 9), (2, None)]
)
def test_a_picture_of_another_matrix_is_put_into_that_of_the_first(first: int, scalers: int):
    stream = SimpleNamespace(codec_context=SimpleNamespace(), width=64, height=32)
    pictures = ClipPictures(stream)
    other = 9 if first == 1 else 1
    asked = [pictures.fitted(Picture(matrix)) for matrix in (first, other, first)]
    assert [how["dst_colorspace"] for how in asked] == [None, scalers, None]
    assert stream.codec_context.colorspace == first
    assert {(how["width"], how["height"], how["format"]) for how in asked} == {(64, 32, "yuv420p")}
    assert {how["src_color_range"] for how in asked} == {None}
    assert {int(how["dst_color_range"]) for how in asked} == {TELEVISION}


def test_the_table_of_a_form_of_brightness_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Colours] = []

    class Table:
        def __init__(self, how: Colours, _like: object) -> None:
            made.append(how)

        def shown(self, _coded: object) -> Picture:
            return Picture(BT709)

    class Bright(Picture):
        """A picture of high dynamic range."""

        color_primaries = 9

        def __init__(self, transfer: int) -> None:
            super().__init__(BT2020)
            self.color_trc = transfer

    monkeypatch.setattr(colours, "_Table", Table)
    pictures = ClipPictures(SimpleNamespace(codec_context=SimpleNamespace(), width=64, height=32))
    for transfer in (PQ, PQ, HLG, PQ):
        pictures.fitted(Bright(transfer))
    assert [how.transfer for how in made] == ["pq", "hlg"]
