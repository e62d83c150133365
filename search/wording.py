"""How counts, times, sizes and names are worded, in the shell as on the page."""

import errno
import math
import os
import unicodedata
from pathlib import Path

# Joiners of letters and of emoji: names that macOS and phones make hold them.
_JOINERS = frozenset("\u200c\u200d")


def printable(path: Path | str) -> str:
    """A name with control characters and stray bytes spelled out: it cannot move the cursor.

    Spaces that do not break and joiners stay: they do no harm.
    """
    return "".join(
        one if _is_harmless(one) else one.encode("unicode_escape").decode() for one in str(path)
    )


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
    )


def is_control(character: str) -> bool:
    """Whether a character moves the cursor, or does something else than stand there."""
    return unicodedata.category(character) == "Cc"


def one_line(text: str) -> str:
    """A text in which nothing but what would break its line is spelled out, tabs among that."""
    return "".join(
        one.encode("unicode_escape").decode() if one == "\t" or one.splitlines() != [one] else one
        for one in text
    )


def composed(name: Path | str) -> str:
    """A name as it is compared: its accents in one character with their letters (NFC).

    macOS takes letters and accents apart, keyboards do not; on other systems the file is found
    under one of the two spellings only.
    """
    return unicodedata.normalize("NFC", str(name))


_WHY_UNWRITTEN = {
    getattr(errno, name, name): why  # not every system has every one
    for name, why in (
        ("ENOSPC", "the disk is full"),
        ("EDQUOT", "your share of the disk is used up"),
        ("EFBIG", "the disk, or a limit, takes no file so large"),
        ("EROFS", "the disk may only be read"),
        ("EIO", "the disk does not do its work (input/output error)"),
    )
}


def why_unwritten(error: OSError) -> str:
    """What keeps a file from being written, in words for people."""
    known = _WHY_UNWRITTEN.get(error.errno)
    return known or error.strerror or str(error)


def counted(count: int, noun: str) -> str:
    """ "1 video", "3 videos"."""
    if count == 1:
        return f"{count} {noun}"
    plural = " or ".join(f"{word}s" for word in noun.split(" or "))
    return f"{count} {plural}"


def clock(seconds: float) -> str:
    """Seconds as 1:02:03.4 or 2:03.4: what people type into a player."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{minutes:02d}:{tenths / 10:04.1f}" if hours else f"{minutes}:{tenths / 10:04.1f}"
    return f"{hours}:{tail}" if hours else tail


def short_path(path: Path) -> str:
    """A path as seen from the working folder where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return min(relative, str(path), key=len)


def span(start_s: float, end_s: float) -> str:
    """From when to when, in whole seconds: "0:03 – 0:08"."""
    start, end = clock(math.floor(start_s)), clock(math.ceil(end_s))
    return f"{start.removesuffix('.0')} – {end.removesuffix('.0')}"


def in_megabytes(size_bytes: int) -> str:
    """ "12 kB", "0.4 MB", "38 MB", "1.2 GB"."""
    megabytes = size_bytes / 1e6
    if megabytes < 0.1:
        return f"{math.ceil(size_bytes / 1000)} kB"
    if megabytes >= 1000:
        return f"{megabytes / 1000:.1f} GB"
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def as_sentence(text: str) -> str:
    """A message as a sentence of its own: with a capital, and with a full stop if it has no end."""
    ended = text.endswith((".", ":", "?", "!", "…"))
    return text[:1].upper() + text[1:] + ("" if ended else ".")
