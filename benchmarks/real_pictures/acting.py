"""Tags of things and of actions on real footage, with a model that needs no download.

    python -m benchmarks.real_pictures.acting --footage FOLDER… [--model imagenet]

The footage is videos and pictures, which are filmed as in the demo. For each the three likeliest
labels of Kinetics-400 are shown, those in brackets too unlikely to become tags, and what is right:
acting.csv names the actions of some clips; what is not named there does none of the 400. A model
that knows objects only tags what usually goes with a thing, and this shows how far that carries.
Then its own thousand labels: things.csv names those that fit, written down by one of us who had
seen the tags; what is not named there shows none of the thousand.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.real_pictures.footage import indexed
from search.catalog.places import place_segments, present_videos
from search.catalog.tables import Segment
from search.tags.planning import TagRequest
from search.tags.reading import active_vocabulary, tags_of
from search.tags.scoring import TagScorer, embeddings_by_chunk
from tasks.tag import run_tag
from tasks.terminal.model_flags import ModelFlags

_ACTIONS, _THINGS = (Path(__file__).with_name(name) for name in ("acting.csv", "things.csv"))
_NAMES_OF_ACTIONS, _NAMES_OF_THINGS = "kinetics-400", "imagenet-1k"
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


@dataclass(frozen=True)
class Shown:
    """A video: the tags of its segments, likeliest first, and which labels would be right."""

    video: str
    tags: str
    right: str


def shown(session: Session) -> Iterator[Shown]:
    """All videos of a library that was just tagged, by name."""
    with _THINGS.open(encoding="utf-8", newline="") as file:
        things = {row["clip"]: row["labels"] for row in csv.DictReader(file)}
    likeliest: dict[str, dict[str, float]] = {}
    numbers = list(session.scalars(select(Segment.id)))
    tags = tags_of(session, numbers)
    for place in place_segments(session, numbers):
        found = likeliest.setdefault(place.path.stem, {})
        for tag in tags[place.segment_id]:
            found[tag.label] = max(tag.probability, found.get(tag.label, 0.0))
    for video, found in sorted(likeliest.items()):
        labels = sorted(found, key=lambda label: -found[label])
        yield Shown(video, ";".join(labels), things.get(video, ""))


def of_things(rows: Sequence[Shown]) -> list[Figure]:
    """How many of the tags are right."""
    told = [(row.tags.split(";") if row.tags else [], row.right.split(";")) for row in rows]
    known = [(tags, right) for tags, right in told if right != [""]]
    return [
        Figure("videos of a thing that has a label", len(known)),
        Figure(
            "its likeliest tag is right",
            sum(tags[:1] != [] and tags[0] in right for tags, right in known),
        ),
        Figure("videos of none", len(told) - len(known)),
        Figure("tags that they get", sum(len(tags) for tags, right in told if right == [""])),
        Figure("tags in all", sum(len(tags) for tags, _ in told)),
        Figure("right ones", sum(tag in right for tags, right in told for tag in tags)),
    ]


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


def _tag(folder: Path, vocabulary: str) -> None:
    run_tag(folder, TagRequest(vocabulary), ModelFlags(), as_json=False)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="*", default=[])
    parser.add_argument("--model", default="imagenet")
    with (
        benchmark("real_pictures_acting", parser) as (options, report),
        indexed(options.footage, model=options.model) as library,
    ):
        _tag(library.folder, _NAMES_OF_THINGS)
        with library.reading() as session:
            things = list(shown(session))
        report.show("Tags of things", things)
        report.figures(of_things(things))
        _tag(library.folder, _NAMES_OF_ACTIONS)
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
