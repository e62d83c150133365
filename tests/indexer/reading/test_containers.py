"""Containers are told by their first bytes."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest

from indexer.reading.containers import (
    HEADER_BYTES,
    container_of,
    is_text,
    open_regular,
    require_container,
    why_not_video,
)
from indexer.reading.errors import DecodeFailed, TextInstead
from tests.corpus import shots, write_clip


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


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The packets of a small transport stream."""
    file = write_clip(
        tmp_path_factory.mktemp("ts") / "a.ts", shots([20]), container="mpegts"
    ).read_bytes()
    return [file[at : at + 188] for at in range(0, len(file), 188)]


@pytest.mark.parametrize("lost", [0, 1, 100, 187, 188, 500])
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (bytes(4), b""), (b"", bytes(16))])
def test_a_recording_may_begin_anywhere_in_a_transport_stream(
    packets: list[bytes], before: bytes, after: bytes, lost: int
) -> None:
    stream = b"".join(before + packet + after for packet in packets)
    assert container_of(stream[lost : lost + HEADER_BYTES]) == "mpegts"


def test_what_was_left_of_another_file_may_stand_before_a_transport_stream(
    packets: list[bytes],
) -> None:
    random = np.random.default_rng(0).bytes(1000)
    assert container_of((random + b"".join(packets))[:HEADER_BYTES]) == "mpegts"


def _rows(*colours: int) -> bytes:
    """A raw picture of 64 columns and 96 rows, each colour in stripes from top to bottom."""
    return bytes(colours) * (64 * 3 // len(colours)) * 96


@pytest.mark.parametrize(
    "header",
    [
        b"export const greeting = 'G';\n" * 100,
        (b"G" + b" " * 186 + b"\n") * 80,  # lines of a packet's length
        (b"G" * 16_384),
        ("G" + "ü" * 93 + "\n").encode("utf-16") * 60,
        ("G" + "é" * 186 + "\n").encode("latin-1") * 60,
        b'<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS version="2.1" language="de"></TS>\n' * 90,
        b"\xff" + _rows(0x47, 0, 0),
        b"\xff" + _rows(0x47, 0x40, 0x11, 0x10),
        np.random.default_rng(1).bytes(16_384),
        b"\x00" + b"\x47" * 16_383,
    ],
    ids=lambda header: repr(header[:12]),
)
def test_what_only_looks_like_packets_is_no_transport_stream(header: bytes) -> None:
    assert container_of(header[:HEADER_BYTES]) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type A = 'é';\n".encode("latin-1"), True),
        ("type A = 'é';\n".encode("utf-16"), True),
        ("type A = 'é';\n".encode(), True),
        (b"type A\x00", False),
        (b"\xff\xd8\x01", False),
    ],
)
def test_texts_are_known_in_any_encoding(text: bytes, expected: bool) -> None:
    assert is_text(text) is expected


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


def test_two_packets_are_a_small_transport_stream_and_one_is_none() -> None:
    packet = b"\x47" + bytes(187)
    assert container_of(packet * 2) == "mpegts"
    assert container_of(packet) is None
    assert container_of(bytes(4) + packet * 2) is None
    assert container_of((bytes(4) + packet) * 2) == "mpegts"
    assert container_of(packet + b"\x46" + bytes(187)) is None


def ts_packets(*counts: int, stream: int = 17, flags: int = 0x10) -> bytes:
    """Packets of one stream that are counted so, as long as a whole header."""
    heads = (bytes([0x47, stream >> 8, stream & 0xFF, flags | count]) for count in counts)
    body = b"\xff" * 184
    return b"\xff" + b"".join(head + body for head in heads)


def test_packets_hold_something_and_at_least_two_of_a_stream_are_counted() -> None:
    rising = [number % 16 for number in range(90)]
    assert container_of(ts_packets(*rising)[:HEADER_BYTES]) == "mpegts"
    assert container_of(ts_packets(*[3] * 90)[:HEADER_BYTES]) is None
    assert container_of(ts_packets(*[3] * 39, 4, *[4] * 50)[:HEADER_BYTES]) == "mpegts"
    # Packets that hold nothing, or only a clock, are not counted.
    assert container_of(ts_packets(*rising, flags=0x00)[:HEADER_BYTES]) is None
    assert container_of(ts_packets(*rising, flags=0x20)[:HEADER_BYTES]) is None
    assert container_of(ts_packets(*rising, flags=0x30)[:HEADER_BYTES]) == "mpegts"


def test_five_packets_at_the_end_of_what_is_looked_at_are_enough() -> None:
    def behind(noise: int) -> str | None:
        other = np.random.default_rng(2).integers(128, 256, noise).astype(np.uint8).tobytes()
        return container_of((other + ts_packets(*[n % 16 for n in range(90)])[1:])[:HEADER_BYTES])

    assert behind(HEADER_BYTES - 4 * 188 - 4) == "mpegts"
    assert behind(HEADER_BYTES - 4 * 188 - 3) is None


def test_a_byte_order_mark_alone_is_no_text() -> None:
    assert not is_text(b"\xff\xfe")
    assert is_text(b"\xff\xfe\x41")


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", TextInstead, "it is empty"),
        (b"a text", TextInstead, "it is a text, not a video"),
        (bytes(100), DecodeFailed, "it holds only zeros: the copy or download was probably not"),
        (b"\x7fELF\x02\x01\xff", DecodeFailed, "it is not in a video format"),
    ],
)
def test_texts_are_told_from_other_files_that_are_no_videos(content, kind, reason) -> None:
    with pytest.raises(DecodeFailed, match=re.escape(reason)) as failed:
        require_container(io.BytesIO(content))
    assert type(failed.value) is kind
    assert failed.value.stage == "signature"


def test_a_container_is_told_and_the_file_is_at_its_beginning_again() -> None:
    file = io.BytesIO(b"\x1a\x45\xdf\xa3" + bytes(100_000))
    assert require_container(file) == "matroska"
    assert file.tell() == 0


def test_a_folder_and_a_device_are_no_regular_files(tmp_path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(DecodeFailed, match="it is not a regular file") as failed:
            open_regular(path)
        assert failed.value.stage == "signature"
    (tmp_path / "file").write_bytes(b"abc")
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"abc"


def test_what_became_another_thing_before_it_was_opened_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.mp4").touch()
    os.mkfifo(tmp_path / "pipe")
    pipe = (tmp_path / "pipe").stat()
    monkeypatch.setattr(os, "fstat", lambda _descriptor: pipe)
    with pytest.raises(DecodeFailed, match="it is not a regular file"):
        open_regular(tmp_path / "a.mp4")
