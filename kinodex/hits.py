"""What a search found, as a list that shows itself in a notebook and becomes a table."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from models.errors import KinodexError
from search.finding.hits import Hit
from search.wording import clock, counted, printable

if TYPE_CHECKING:
    from pandas import DataFrame

_COLUMNS = (
    "score", "match", "best_s", "start_s", "end_s", "path", "tags", "segment", "video"
)  # fmt: skip
_SHOWN_IN_TEXT = 3
# At some 15 kB a picture; a notebook keeps what it shows.
_SHOWN_IN_NOTEBOOK = 50
_JPEG = b"\xff\xd8\xff"


class Hits(list[Hit]):
    """Hits, best first: a list with a picture of each.

    keyframes: by segment, where the picture of each lies if it has not been deleted
    """

    def __init__(
        self, hits: Iterable[Hit] = (), *, keyframes: Mapping[int, Path] | None = None
    ) -> None:
        super().__init__(hits)
        self._keyframes = dict(keyframes or {})

    @overload
    def __getitem__(self, place: SupportsIndex) -> Hit: ...

    @overload
    def __getitem__(self, place: slice) -> "Hits": ...

    def __getitem__(self, place: SupportsIndex | slice) -> "Hit | Hits":
        if isinstance(place, slice):
            return Hits(super().__getitem__(place), keyframes=self._keyframes)
        return super().__getitem__(place)

    def as_records(self) -> list[dict[str, Any]]:
        """A dict of plain values for each hit, times in seconds, `tags` a list of labels.

        `path` is one of the video's places. Where it is not valid text, it keeps its bytes as
        surrogate escapes.
        """
        return [dict(zip(_COLUMNS, _values(hit), strict=True)) for hit in self]

    def to_dataframe(self) -> "DataFrame":
        """A row for each hit, with the columns of `as_records`.

        Raises KinodexError where pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise KinodexError(
                "a DataFrame needs pandas: run 'pip install pandas', or use as_records()"
            ) from error
        return DataFrame(self.as_records(), columns=list(_COLUMNS))

    def __repr__(self) -> str:
        shown = [
            f"{printable(_name(hit))} at {clock(hit.best_s)} ({hit.score:.3f})"
            for hit in self[:_SHOWN_IN_TEXT]
        ]
        if len(self) > _SHOWN_IN_TEXT:
            shown.append("…")
        return f"<{counted(len(self), 'hit')}{': ' if shown else ''}{', '.join(shown)}>"

    def _repr_html_(self) -> str:
        """A table for a notebook, pictures and all: it needs nothing from anywhere else."""
        if not self:
            return "<p>nothing is found</p>"
        rows = "".join(self._row(hit) for hit in self[:_SHOWN_IN_NOTEBOOK])
        more = len(self) - _SHOWN_IN_NOTEBOOK
        rest = f"<p>and {more} more</p>" if more > 0 else ""
        heads = "".join(f"<th>{head}</th>" for head in ("", "best at", "score", "tags", "video"))
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{rest}"

    def _row(self, hit: Hit) -> str:
        span = f"{clock(hit.start_s)} – {clock(hit.end_s)}"
        match = "" if hit.match is None else f"<br>match {100 * hit.match:.0f} %"
        cells = (
            self._picture(hit),
            f"<b>{clock(hit.best_s)}</b><br>{span}",
            f"{hit.score:.3f}{match}",
            ", ".join(_shown(tag.label) for tag in hit.tags),
            "<br>".join(_shown(path) for path in hit.paths),
        )
        inside = "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells)
        return f"<tr>{inside}</tr>"

    def _picture(self, hit: Hit) -> str:
        """The keyframe inside the page; nothing where it is not there, or is no JPEG."""
        file = self._keyframes.get(hit.segment)
        try:
            content = file.read_bytes() if file else b""
        except OSError:
            return ""
        if not content.startswith(_JPEG):
            return ""
        coded = base64.b64encode(content).decode("ascii")
        return f'<img src="data:image/jpeg;base64,{coded}" alt="" style="height:90px">'


def _values(hit: Hit) -> tuple[Any, ...]:
    path = str(hit.paths[0]) if hit.paths else ""
    tags = [tag.label for tag in hit.tags]
    return (
        *(hit.score, hit.match, hit.best_s, hit.start_s, hit.end_s),
        *(path, tags, hit.segment, hit.video),
    )


def _name(hit: Hit) -> str:
    return hit.paths[0].name if hit.paths else hit.video


def _shown(name: Path | str) -> str:
    """A name that may hold anything, as text of a page."""
    return escape(printable(name))
