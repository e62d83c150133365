"""Free words over real footage, with a model that needs no download.

    python -m benchmarks.real_pictures.asking --footage FOLDER… [--model imagenet]

The footage is videos and pictures; photographs that scikit-image and scikit-learn carry come to
them. Pictures are filmed as in the demo. The questions are in questions.csv, with the names of the
files that are right; those without a name ask for what nothing shows. They were written down before
the model was tuned, which was done with other pictures and other questions; the figures of these
were seen meanwhile.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring.options import parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.real_pictures.footage import indexed
from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from search.catalog.places import count_videos
from search.finding.engine import SearchEngine
from search.finding.hits import WEAK_BELOW

_QUESTIONS = Path(__file__).with_name("questions.csv")


@dataclass(frozen=True)
class Question:
    """Words, and the names of the videos that show them; none for what nothing shows."""

    words: str
    shown_by: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What was found for a question: where the right video stands, and how sure the best is.

    match: None where the model cannot tell
    """

    question: str
    right: str
    rank: int | None
    best: str
    match: float | None


def questions(file_of_them: Path = _QUESTIONS) -> list[Question]:
    """All questions, in the file's order."""
    with file_of_them.open(encoding="utf-8", newline="") as file:
        return [
            Question(row["question"], frozenset(filter(None, row["shows"].split("|"))))
            for row in csv.DictReader(file)
        ]


def answers(engine: SearchEngine, videos: int) -> Iterator[Answer]:
    """What the library says to each question."""
    for asked in questions():
        hits = engine.search(asked.words, k=10 * videos)
        names = list(dict.fromkeys(hit.paths[0].stem for hit in hits))
        matches = [hit.match for hit in hits if hit.match is not None]
        ranks = [names.index(name) for name in asked.shown_by if name in names]
        yield Answer(
            asked.words,
            " or ".join(sorted(asked.shown_by)),
            min(ranks) + 1 if ranks else None,
            names[0],
            max(matches, default=None),
        )


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", required=True)
    parser.add_argument("--model", default="imagenet")
    with (
        benchmark("real_pictures", parser) as (options, report),
        indexed(options.footage, model=options.model) as library,
    ):
        with library.reading() as session:
            videos = count_videos(session)
        engine = library.engine(load_backbone(choose_model(options.model)))
        given = list(answers(engine, videos))
        report.show("Answers", given)
        there = [one for one in given if one.right]
        absent = [one for one in given if not one.right]
        report.figures(
            [
                Figure("questions", len(there)),
                Figure("R@1", _share(one.rank == 1 for one in there), "≥ 0.8"),
                Figure(
                    "R@3", _share(one.rank is not None and one.rank <= 3 for one in there), "≥ 0.9"
                ),
                Figure("absent things", len(absent)),
                Figure("absent, called weak", _share(map(_is_weak, absent)), "≥ 0.85"),
                Figure("absent, cannot be told", _share(one.match is None for one in absent)),
                Figure("present, called weak", _share(map(_is_weak, there)), "≤ 0.15"),
                Figure("present, cannot be told", _share(one.match is None for one in there)),
            ]
        )


def _is_weak(answer: Answer) -> bool:
    return answer.match is not None and answer.match < WEAK_BELOW


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    main()
