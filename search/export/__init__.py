"""Results in the forms that other programs open."""

from collections.abc import Callable, Sequence

from search.export.cuts import Cut
from search.export.edits import as_edl, as_otio
from search.export.playlists import as_m3u, as_vtt
from search.export.tables import as_csv

FORMS: dict[str, Callable[[Sequence[Cut]], str]] = {
    "csv": as_csv,
    "m3u": as_m3u,
    "edl": as_edl,
    "otio": as_otio,
    "vtt": as_vtt,
}
