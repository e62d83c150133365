"""Tags of actions on real footage, with a model that needs no download.

    python -m benchmarks.real_pictures.acting --footage FOLDER… [--model imagenet]

The footage is videos and pictures, which are filmed as in the demo. For each the three likeliest
labels of Kinetics-400 are shown, those in brackets too unlikely to become tags, and what is right:
acting.csv names the actions of some clips; what is not named there does none of the 400. A model
that knows objects only tags what usually goes with a thing, and this shows how far that carries.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.real_pictures.footage import indexed
from search.catalog.places import present_videos
from search.catalog.tables import Segment
from search.tags.reading import active_vocabulary
from search.tags.scoring import TagScorer, embeddings_by_chunk

_ACTIONS = Path(__file__).with_name("acting.csv")
_SHOWN = 3


@dataclass(frozen=True)
class Acted:
    """A clip: its likeliest labels, what it is, and at which place that stands among all labels.

    tags: how many labels are likely enough
    """

    clip: str
    labels: str
    tags: int
    right: str
    place: int | None


def actions() -> dict[str, str]:
    """What is done in clips, by their names."""
    with _ACTIONS.open(encoding="utf-8", newline="") as file:
        return {row["clip"]: row["actions"] for row in csv.DictReader(file)}


def acted(session: Session) -> Iterator[Acted]:
    """All clips of a library that was just indexed, by name."""
    vocabulary = active_vocabulary(session)
    if vocabulary is None:
        raise RuntimeError("the library has no tags")
    scorer, labels = TagScorer.of(vocabulary), [label.text for label in vocabulary.labels]
    videos: dict[int, np.ndarray] = {}
    for ids, embeddings in embeddings_by_chunk(session, vocabulary.space_id, scorer.dim):
        chosen = select(Segment.id, Segment.video_id).where(Segment.id.in_(ids.tolist()))
        places = {row.id: row.video_id for row in session.execute(chosen)}
        for segment, likely in zip(ids.tolist(), scorer.probabilities(embeddings), strict=True):
            before = videos.get(places[segment], likely)
            videos[places[segment]] = np.maximum(before, likely)
    known, right = present_videos(session, videos), actions()
    for video, likely in sorted(videos.items(), key=lambda one: known[one[0]].paths[0].name):
        yield _row(known[video].paths[0].stem, labels, likely, scorer, right)


def _row(
    clip: str, labels: list[str], likely: np.ndarray, scorer: TagScorer, right: dict[str, str]
) -> Acted:
    order = np.argsort(-likely).tolist()
    action = right.get(clip, "")
    return Acted(
        clip,
        ", ".join(_written(labels[one], likely[one], scorer) for one in order[:_SHOWN]),
        min(scorer.most, int((likely >= scorer.min_probability).sum())),
        action or "-",
        order.index(labels.index(action)) + 1 if action else None,
    )


def _written(label: str, likely: float, scorer: TagScorer) -> str:
    written = f"{label} {likely:.2f}"
    return written if likely >= scorer.min_probability else f"({written})"


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", required=True)
    parser.add_argument("--model", default="imagenet")
    with (
        benchmark("real_pictures_acting", parser) as (options, report),
        indexed(options.footage, model=options.model, with_photographs=False) as library,
    ):
        with library.reading() as session:
            rows = list(acted(session))
        report.show("The likeliest labels", rows)
        places = [row.place for row in rows if row.place is not None]
        without = [row for row in rows if row.place is None]
        report.figures(
            [
                Figure("clips of an action", len(places)),
                Figure("it is the likeliest label", sum(place == 1 for place in places)),
                Figure("it is among the three", sum(place <= _SHOWN for place in places)),
                Figure("clips of none", len(without)),
                Figure("tags that they get", sum(row.tags for row in without)),
            ]
        )


if __name__ == "__main__":
    main()
