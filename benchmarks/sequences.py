"""Whether "first this, then that" finds the videos in which that is the order.

Pairs of videos of the small world: one shows two shots in one order, the other the same shots the
other way round, alone, and with shots of other things before, between and after them. Each is asked
for in both orders, by the names of things, and by captions that tell of motions as well.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measuring.indexing import indexer_for, new_library
from benchmarks.measuring.options import bundled_backbone, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone
from search.finding.engine import SearchEngine
from search.queries.query import Query, Term
from smallworld.clips.files import write_clip
from smallworld.clips.moving import Clip
from smallworld.clips.sampler import ClipSampler
from smallworld.clips.shots import shot_of
from smallworld.stills.sprites import shipped_things
from smallworld.words.motion_captions import MotionCaptionWriter

_SEED = 710_003


@dataclass(frozen=True)
class Order:
    """Percent of the questions in which the right video stands before its twin, and first."""

    shots: int
    asked_by: str
    questions: int
    before_twin: float
    first: float


@dataclass(frozen=True)
class Pair:
    """Two things that happen, each with its name and with a caption."""

    events: tuple[Clip, Clip]
    names: tuple[str, str]
    captions: tuple[str, str]


def pairs(count: int) -> Iterator[Pair]:
    """Events in which different things act."""
    rng = np.random.default_rng(_SEED)
    sampler, writer = ClipSampler(shipped_things(), rng), MotionCaptionWriter(rng)
    while count:
        events = sampler.clip(), sampler.clip()
        casts = [{placed.thing for placed in event.picture.placements} for event in events]
        if casts[0].isdisjoint(casts[1]):
            names = [f"a {event.picture.placements[0].thing}" for event in events]
            captions = [writer.caption(event).text for event in events]
            yield Pair(events, (names[0], names[1]), (captions[0], captions[1]))
            count -= 1


def write_twins(folder: Path, number: int, pair: Pair, *, among_others: bool) -> None:
    """Both orders, alone or with the same other shots before, between and after them."""
    sampler = ClipSampler(shipped_things(), np.random.default_rng(_SEED + number))
    others = [sampler.clip() for _ in range(3)]
    for name, (one, two) in (("forward", pair.events), ("backward", pair.events[::-1])):
        clips = [others[0], one, others[1], two, others[2]] if among_others else [one, two]
        write_clip(folder / f"{number}-{name}.mp4", [shot_of(clip) for clip in clips])


def told(
    searching: SearchEngine, shots: int, asked_by: str, questions: Sequence[tuple[str, str]]
) -> Order:
    """Ask for each pair in both orders."""
    before, first = [], []
    for number, (one, two) in enumerate(questions):
        for steps, right, wrong in (
            ((one, two), f"{number}-forward.mp4", f"{number}-backward.mp4"),
            ((two, one), f"{number}-backward.mp4", f"{number}-forward.mp4"),
        ):
            query = Query(tuple((Term(text),) for text in steps), k=10_000)
            names = [hit.paths[0].name for hit in searching.search(query)]
            # Where a cut was missed, both events lie in one segment, and no sequence is found.
            places = {name: place for place, name in enumerate(names)}
            before.append(places.get(right, len(names)) < places.get(wrong, len(names)))
            first.append(names[:1] == [right])
    return Order(
        shots, asked_by, len(before), 100 * float(np.mean(before)), 100 * float(np.mean(first))
    )


def measured(backbone: Backbone, asked: Sequence[Pair], *, among_others: bool) -> list[Order]:
    """Index the twins, and ask for them."""
    with tempfile.TemporaryDirectory() as videos, new_library() as library:
        for number, pair in enumerate(asked):
            write_twins(Path(videos), number, pair, among_others=among_others)
        indexer_for(library, backbone, IndexSettings()).index([Path(videos)])
        searching = SearchEngine.for_library(library, backbone)
        shots = 5 if among_others else 2
        return [
            told(searching, shots, "names of things", [pair.names for pair in asked]),
            told(searching, shots, "captions", [pair.captions for pair in asked]),
        ]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--pairs", type=int, default=60, help="pairs of events (60)")
    with benchmark("sequences", parser) as (options, report):
        backbone = bundled_backbone()
        asked = list(pairs(options.pairs))
        rows = [
            row
            for others in (False, True)
            for row in measured(backbone, asked, among_others=others)
        ]
        report.show("First this, then that", rows)
        report.figures(
            Figure(
                f"right order first, {row.shots} shots, by {row.asked_by}, %",
                row.before_twin,
                "≥ 95" if row.shots == 2 else "",
            )
            for row in rows
        )


if __name__ == "__main__":
    main()
