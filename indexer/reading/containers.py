"""Which video container a file is, told from its first bytes before any demuxer sees it."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path
from typing import BinaryIO

from indexer.reading.errors import READ, DecodeFailed

HEADER_BYTES = 2048

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
    if _is_text(header):
        return "it is a text, not a video"
    return "it is not in a video format that Kinodex knows"


def require_container(file: BinaryIO) -> str:
    """The container's name; leaves the file at its beginning.

    Raises:
        DecodeFailed: the file is empty or not a known video container.
    """
    try:
        header = file.read(HEADER_BYTES)
        file.seek(0)
    except OSError as error:
        raise DecodeFailed(READ, f"it cannot be read ({error.strerror})") from error
    name = container_of(header)
    if name is None:
        raise DecodeFailed("signature", why_not_video(header))
    return name


def _is_mp4(header: bytes) -> bool:
    if header[4:8] not in _MP4_ATOMS:
        return False
    return header[4:8] != b"ftyp" or header[8:12] not in _STILL_BRANDS


def _is_transport_stream(header: bytes) -> bool:
    """MPEG-TS packets (188 bytes) or those of cameras and Blu-ray (192, sync after 4 bytes)."""
    for first, size in ((0, 188), (4, 192)):
        marks = header[first::size]
        if len(marks) >= 2 and set(marks) == {0x47}:
            return True
    return False


def _is_text(header: bytes) -> bool:
    try:
        # Not final: a letter of several bytes may be cut off at the end.
        codecs.getincrementaldecoder("utf-8")().decode(header)
    except UnicodeDecodeError:
        return False
    return b"\x00" not in header
