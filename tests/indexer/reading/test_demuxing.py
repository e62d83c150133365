"""Which stream of a file holds its pictures, and why some are refused."""

from types import SimpleNamespace
from typing import Any

import pytest
from av.stream import Disposition

from indexer.reading import demuxing
from indexer.reading.errors import DecodeFailed
from indexer.reading.settings import IndexSettings

NOTHING = Disposition(0)


def stream(
    *, cover: bool = False, decodes: bool = True, size: tuple[int, int] = (64, 48)
) -> SimpleNamespace:
    context = SimpleNamespace(width=size[0], height=size[1]) if decodes else None
    disposition = Disposition.attached_pic if cover else NOTHING
    return SimpleNamespace(disposition=disposition, codec_context=context)


def found(*streams: Any, best: Any = None, sound: bool = False) -> Any:
    """The stream of pictures in a file of these, of which FFmpeg thinks one the best."""
    container = SimpleNamespace(
        streams=SimpleNamespace(
            video=list(streams), audio=[object()] if sound else [], best=lambda _kind: best
        )
    )
    return demuxing._picture_stream(container)


def test_the_best_stream_is_taken_unless_it_is_a_cover():
    first, second, cover = stream(), stream(), stream(cover=True)
    assert found(first, second, best=second) is second
    assert found(cover, first, second, best=cover) is first
    assert found(cover, first, best=None) is first


@pytest.mark.parametrize(
    ("streams", "sound", "reason"),
    [
        ([], True, "it holds only sound"),
        ([stream(cover=True)], True, "it holds only sound"),
        ([], False, "it holds no moving pictures"),
        ([stream(decodes=False)], True, "its pictures are in a format that cannot be decoded here"),
    ],
)
def test_a_file_without_pictures_that_can_be_decoded_is_refused(streams, sound, reason):
    with pytest.raises(DecodeFailed, match=reason) as failed:
        found(*streams, sound=sound)
    assert failed.value.stage == "probe"


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((0, 48), "its picture size cannot be read"),
        ((64, 0), "its picture size cannot be read"),
        ((11, 10), "its pictures of 11 × 10 are larger than max_pixels allows"),
        ((1, 1), None),
        ((10, 10), None),
    ],
)
def test_pictures_have_a_size_and_no_more_pixels_than_are_allowed(size, reason):
    settings = IndexSettings(max_pixels=100)
    if reason is None:
        demuxing._check_size(stream(size=size), settings)
        return
    with pytest.raises(DecodeFailed, match=reason) as failed:
        demuxing._check_size(stream(size=size), settings)
    assert failed.value.stage == "probe"


def test_what_is_wrong_with_a_file_is_told_by_its_kind():
    assert demuxing._why_unreadable("mp4").startswith("its index (moov) is missing")
    assert demuxing._why_unreadable("flv") == (
        "its structure (flv) is damaged, or the file is cut off"
    )
    assert demuxing.out_of_memory().stage == "memory"
