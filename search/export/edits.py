"""Results for editing programs: CMX 3600 edit lists and OpenTimelineIO."""

from collections.abc import Sequence
from fractions import Fraction

from search.export.cuts import Cut, exact_rate
from search.wording import one_line, printable

MOST_EVENTS = 999  # a CMX 3600 list numbers its events in three digits
_NAME = "Kinodex"


def as_edl(cuts: Sequence[Cut]) -> str:
    """A CMX 3600 list that plays the moments one after the other, all as straight cuts.

    Timecodes number the frames from the start of each file without dropping any, at the frame rate
    of the first moment: at 29.97 a second they fall behind the clock, as editing programs expect.
    Moments after the 999th are left out. A path stands there as it is, byte for byte, but for what
    would begin another line.
    """
    # OpenTimelineIO's adapter for these lists is not used: a line break in a name begins a line of
    # its own there, names are cut to eight characters, and rates such as 12.5 and 15 are refused.
    lines = [f"TITLE: {_NAME.upper()}", "FCM: NON-DROP FRAME"]
    at = 0
    for number, cut in enumerate(cuts[:MOST_EVENTS], 1):
        rate = exact_rate(cuts[0].rate)
        start = round(cut.start_s * rate)
        length = max(1, round(cut.end_s * rate) - start)
        times = [start, start + length, at, at + length]
        codes = " ".join(_timecode(frames, round(rate)) for frames in times)
        lines += [
            "",
            f"{number:03d}  AX       V     C        {codes}",
            f"* FROM CLIP NAME: {printable(cut.path.name)}",
            f"* SOURCE FILE: {one_line(str(cut.path))}",
        ]
        at += length
    return "\n".join(lines) + "\n"


def as_otio(cuts: Sequence[Cut]) -> str:
    """An OpenTimelineIO timeline with one track; each clip knows its file, score and tags."""
    import opentimelineio as otio

    timeline = otio.schema.Timeline(_NAME)
    track = otio.schema.Track("moments", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for cut in cuts:
        rate = float(exact_rate(cut.rate))
        whole = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, rate), _frames(otio, cut.length_s, exact_rate(cut.rate))
        )
        start = _frames(otio, cut.start_s, exact_rate(cut.rate))
        length = _frames(otio, cut.end_s, exact_rate(cut.rate)) - start
        media = otio.schema.ExternalReference(cut.path.absolute().as_uri(), whole)
        known = {
            "segment": cut.moment.segment,
            "rank": cut.rank,
            "score": cut.moment.score,
            "tags": [printable(tag.label) for tag in cut.moment.tags],
        }
        track.append(
            otio.schema.Clip(
                cut.title, media, otio.opentime.TimeRange(start, length), {"kinodex": known}
            )
        )
    return str(otio.adapters.write_to_string(timeline, "otio_json"))


def _frames(otio, seconds: float, rate: Fraction):  # type: ignore[no-untyped-def]
    return otio.opentime.RationalTime(round(seconds * rate), float(rate))


def _timecode(frames: int, rate: int) -> str:
    seconds, frames = divmod(frames, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02d}:{minutes:02d}:{seconds:02d}:{frames:02d}"
