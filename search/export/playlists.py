"""Results to play: M3U for players, WebVTT as chapters."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from search.export.cuts import Cut
from search.wording import one_line, printable


def as_m3u(cuts: Sequence[Cut]) -> str:
    """An extended M3U list. VLC begins and ends each entry where its moment does.

    Other players pass over VLC's lines and play the files from their beginning.
    """
    lines = ["#EXTM3U"]
    for cut in cuts:
        lines += [
            f"#EXTINF:{cut.end_s - cut.start_s:.3f},{cut.title} {_clock(cut.start_s)[:8]}",
            f"#EXTVLCOPT:start-time={cut.start_s:.3f}",
            f"#EXTVLCOPT:stop-time={cut.end_s:.3f}",
            _place(cut),
        ]
    return "\n".join(lines) + "\n"


def as_vtt(cuts: Sequence[Cut]) -> str:
    """WebVTT: a cue for each moment, in order of time, after a note for each video.

    Only the cues of one video make sense to a player: search with `-k 1`, or cut the file at the
    notes.
    """
    blocks = ["WEBVTT"]
    for path, of_video in groupby(
        sorted(cuts, key=lambda c: (c.rank, c.start_s)), lambda c: c.path
    ):
        blocks.append(f"NOTE {_note(path)}")
        for cut in of_video:
            tags = ", ".join(tag.label for tag in cut.moment.tags)
            text = _line(tags or cut.title)
            blocks.append(
                f"{cut.moment.segment}\n{_clock(cut.start_s)} --> {_clock(cut.end_s)}\n{text}"
            )
    return "\n\n".join(blocks) + "\n"


def _place(cut: Cut) -> str:
    """The path, as a URL where a list of lines could not hold it."""
    path = str(cut.path)
    plain = path == one_line(path) == path.strip() and not path.startswith("#")
    return path if plain and _is_text(path) else "file://" + quote(bytes(cut.path))


def _is_text(path: str) -> bool:
    """Whether a path is valid UTF-8: players take the bytes of others for another alphabet."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _note(path: Path) -> str:
    """A path as it is, but for what would end the note, and stray bytes: the form is UTF-8."""
    text = one_line(str(path)).replace("-->", "--\\x3e")
    return text.encode("utf-8", "backslashreplace").decode()


def _line(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds / 1000:06.3f}"
