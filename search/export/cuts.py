"""Moments as cuts: what every form of export says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sqlalchemy import select

from search.catalog.store import Store
from search.catalog.tables import Video
from search.finding.hits import Hit, Moment
from search.wording import printable

_USUAL_RATE = 25.0
# What cameras and programs call a second; anything else is rounded to whole frames a second.
_RATES = (23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0)


@dataclass(frozen=True)
class Cut:
    """A span of a video file, with what is known of it. Times in seconds from the file's start.

    rank: of the hit it belongs to, from 1
    rate: the video's frames a second
    length_s: of the whole video
    """

    rank: int
    path: Path
    start_s: float
    end_s: float
    rate: float
    length_s: float
    moment: Moment

    @property
    def title(self) -> str:
        """The file's name without its ending, in one line that can be shown."""
        return printable(self.path.stem)


def cuts_of(library: Store, hits: Sequence[Hit], *, best_only: bool = False) -> list[Cut]:
    """Each hit's moments, best first, or its steps in their order; hits in their order.

    best_only: nothing but the best moment of each hit, or the whole of its steps
    """
    facts = _facts(library, {hit.video for hit in hits})
    cuts = []
    for rank, hit in enumerate(hits, 1):
        moments: Sequence[Moment] = [hit] if best_only else hit.steps or [hit, *hit.moments]
        known_to_s = max(one.end_s for one in moments)  # of a video that was removed just now
        length_s, rate = facts.get(hit.video, (known_to_s, _USUAL_RATE))
        cuts += [
            Cut(rank, hit.paths[0], one.start_s, min(one.end_s, length_s), rate, length_s, one)
            for one in moments
        ]
    return cuts


def usual_rate(average: float | None) -> float:
    """The frame rate that is meant by a measured one."""
    if average is None or not 1 <= average <= 1000:
        return _USUAL_RATE
    nearest = min(_RATES, key=lambda rate: abs(rate - average))
    return nearest if abs(nearest - average) < 0.02 * nearest else float(max(1, round(average)))


def exact_rate(rate: float) -> Fraction:
    """23.976 is 24000/1001, and so on."""
    whole = round(rate)
    return Fraction(whole * 1000, 1001) if abs(rate - whole) > 0.01 else Fraction(whole)


def _facts(library: Store, hashes: set[str]) -> Mapping[str, tuple[float, float]]:
    with library.reading() as session:
        rows = session.execute(
            select(Video.content_hash, Video.duration_s, Video.average_rate).where(
                Video.content_hash.in_(hashes)
            )
        )
        return {row.content_hash: (row.duration_s, usual_rate(row.average_rate)) for row in rows}
