"""Which video container a file is, told from its first bytes before any demuxer sees it."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from indexer.reading.errors import READ, DecodeFailed, TextInstead

# Some eighty packets of a transport stream, which may begin anywhere in one.
HEADER_BYTES = 16_384

# Demuxers that may be used for each container; all others stay shut.
DEMUXERS = {
    "mp4": "mov",
    "matroska": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "flv": "flv",
    "asf": "asf",
    "ogg": "ogg",
    "gif": "gif",
}

_MP4_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof"}
_STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"hevx", b"crx "}
_PREFIXES = (
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"OggS", "ogg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x00\x00\x01\xb3", "mpeg"),
)
_NOT_VIDEO = (
    (b"#EXTM3U", "it is a playlist (HLS), not a video"),
    (b"ffconcat", "it is a list of other files (ffconcat), not a video"),
    (b"<?xml", "it is an XML text, not a video"),
    (b"<MPD", "it is a playlist (DASH), not a video"),
    (b"\x89PNG", "it is a still picture (PNG), not a video"),
    (b"\xff\xd8\xff", "it is a still picture (JPEG), not a video"),
    (b"PK\x03\x04", "it is an archive (zip), not a video"),
    (b"%PDF", "it is a PDF document, not a video"),
    (b"ID3", "it is a sound file (MP3), not a video"),
    (b"fLaC", "it is a sound file (FLAC), not a video"),
)


_SYNC = 0x47
_PACKET_BYTES = (188, 192, 204)
_FEWEST_PACKETS, _LOOKED_AT = 5, 40
_HOLDS_SOMETHING, _HOLDS_PAYLOAD = 0x30, 0x10
# Control characters other than those that move on in a text.
_NOT_IN_TEXTS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def open_regular(path: Path) -> BinaryIO:
    """The file opened for reading, if it is a regular file.

    Never waits: a FIFO or device is refused without being read.

    Raises:
        DecodeFailed: it is no regular file, or cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # asked first: opening a device can act on it
            raise DecodeFailed("signature", "it is not a regular file")
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise DecodeFailed(READ, f"it cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DecodeFailed("signature", "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def container_of(header: bytes) -> str | None:
    """The container's name (a key of `DEMUXERS`) by a file's first `HEADER_BYTES`, or None."""
    for prefix, name in _PREFIXES:
        if header.startswith(prefix):
            return name
    if header[:4] == b"RIFF" and header[8:12] in (b"AVI ", b"AVIX"):
        return "avi"
    if _is_mp4(header):
        return "mp4"
    return "mpegts" if _is_transport_stream(header) else None


def why_not_video(header: bytes) -> str:
    """A reason, for people, why a file with these first bytes is not indexed."""
    if not header:
        return "it is empty"
    text = header.lstrip(b"\xef\xbb\xbf \t\r\n")
    for prefix, reason in _NOT_VIDEO:
        if text.startswith(prefix):
            return reason
    if header[4:8] == b"ftyp":
        return "it is a still picture (HEIC or AVIF), not a video"
    if not header.strip(b"\x00"):
        return "it holds only zeros: the copy or download was probably not finished"
    if is_text(header):
        return "it is a text, not a video"
    return "it is not in a video format that Kinodex knows"


def require_container(file: BinaryIO) -> str:
    """The container's name; leaves the file at its beginning.

    Raises:
        TextInstead: the file is a text, or empty.
        DecodeFailed: it is not a known video container.
    """
    try:
        header = file.read(HEADER_BYTES)
        file.seek(0)
    except OSError as error:
        raise DecodeFailed(READ, f"it cannot be read ({error.strerror})") from error
    name = container_of(header)
    if name is None:
        kind = TextInstead if not header or is_text(header) else DecodeFailed
        raise kind("signature", why_not_video(header))
    return name


def _is_mp4(header: bytes) -> bool:
    if header[4:8] not in _MP4_ATOMS:
        return False
    return header[4:8] != b"ftyp" or header[8:12] not in _STILL_BRANDS


def _is_transport_stream(header: bytes) -> bool:
    """MPEG-TS packets of 188 bytes, of 192 (cameras, Blu-ray) or 204 (with a check sum).

    A recording may begin inside a packet, or with what was left of another one.
    """
    if is_text(header):  # lines of one length may all begin with a G
        return False
    if len(header) < HEADER_BYTES:  # a tiny file may have no two packets of one stream
        for first, size in ((0, 188), (4, 192)):
            marks = header[first::size]
            if len(marks) >= 2 and set(marks) == {_SYNC}:
                return True
    return any(
        _are_packets(header, first, size) for first in _marks(header) for size in _PACKET_BYTES
    )


def _marks(header: bytes) -> Iterator[int]:
    place = header.find(_SYNC)
    while place >= 0:
        yield place
        place = header.find(_SYNC, place + 1)


def _are_packets(header: bytes, first: int, size: int) -> bool:
    """Whether packets follow each other from here on: marks alone also stand in pictures.

    Each says that it holds something, and those of one stream are counted.
    """
    starts = range(first, len(header) - 3, size)[:_LOOKED_AT]
    if len(starts) < _FEWEST_PACKETS:
        return False
    counts: dict[int, int] = {}
    counted = 0
    for at in starts:
        mark, high, low, flags = header[at : at + 4]
        if mark != _SYNC or not flags & _HOLDS_SOMETHING:
            return False
        stream, count = (high & 0x1F) << 8 | low, flags & 0x0F
        if flags & _HOLDS_PAYLOAD:
            counted += counts.get(stream, count) == (count - 1) % 16
            counts[stream] = count
    return counted >= 1


def is_text(header: bytes) -> bool:
    """Whether a file that begins so is a text, in UTF-8, UTF-16 or an older encoding."""
    if header.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return len(header) > len(codecs.BOM_UTF16_LE)
    try:
        # Not final: a letter of several bytes may be cut off at the end.
        codecs.getincrementaldecoder("utf-8")().decode(header)
    except UnicodeDecodeError:
        return not _NOT_IN_TEXTS.search(header)
    return b"\x00" not in header
