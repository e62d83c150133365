"""Containers are told by their first bytes."""

import pytest

from indexer.reading.containers import container_of, why_not_video


@pytest.mark.parametrize(
    ("header", "container"),
    [
        (b"\x00\x00\x00\x20ftypisom" + bytes(20), "mp4"),
        (b"\x00\x00\x10\x00moov" + bytes(20), "mp4"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "mp4"),
        (b"\x1a\x45\xdf\xa3" + bytes(20), "matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "avi"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        ((b"\x47" + bytes(187)) * 5, "mpegts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 5, "mpegts"),
        (b"G" * 100, None),
        (b"FLV\x01\x05" + bytes(20), "flv"),
        (b"\x00\x00\x00\x1cftypheic" + bytes(20), None),
        (b"\x00\x00\x00\x1cftypavif" + bytes(20), None),
        (b"", None),
        (b"#EXTM3U\n", None),
    ],
)
def test_container_of(header: bytes, container: str | None) -> None:
    assert container_of(header) == container


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf#EXTM3U\n", "it is a playlist (HLS), not a video"),
        (b"\x89PNG\r\n\x1a\n" + bytes(10), "it is a still picture (PNG), not a video"),
        (b"\x00\x00\x00\x1cftypavif", "it is a still picture (HEIC or AVIF), not a video"),
        ("grüß Gott\n".encode() * 9, "it is a text, not a video"),
        (b"\x7fELF\x02\x01\xff", "it is not in a video format that Kinodex knows"),
    ],
)
def test_why_not_video(header: bytes, reason: str) -> None:
    assert why_not_video(header) == reason
