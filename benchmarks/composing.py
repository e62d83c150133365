"""Ways to add and subtract terms, beside what the program does.

"A and B": two things in one segment, or a thing in a scene. "A but not B": a thing, but not in
that scene. By plain sums of unit vectors, and by the program's fulfilment of terms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.inputs.small_library import (
    Shown,
    average_precision,
    embedded_names,
    embedded_texts,
    shown_clips,
)
from benchmarks.measuring.options import bundled_backbone, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from search.finding.composing import fulfilment

_SEED = 880_003

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]  # two unit vectors → scores (n,)
Question = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # both vectors, right, unwanted


@dataclass(frozen=True)
class Composed:
    """Means over questions; unwanted: percent of the first ten that show what was excluded."""

    asked: str
    way: str
    questions: int
    precision: float
    first_five: float
    unwanted: float


def questions(
    shown: Shown, things: dict[str, np.ndarray], scenes: dict[str, np.ndarray]
) -> dict[str, list[Question]]:
    """All questions for which something is there to be found."""
    in_scene = {scene: np.array([one == scene for one in shown.scenes]) for scene in scenes}
    showing = {name: shown.showing(name) for name in things}
    pairs = {tuple(sorted(one)) for one in shown.things if len(one) == 2}
    nothing = np.zeros(len(shown.things), bool)
    both = [(things[a], things[b], showing[a] & showing[b], nothing) for a, b in sorted(pairs)]
    there, elsewhere = [], []
    for name, scene in _products(things, scenes):
        together = showing[name] & in_scene[scene]
        if together.any():
            there.append((things[name], scenes[scene], together, nothing))
            if (showing[name] & ~in_scene[scene]).sum() > 1:
                right = showing[name] & ~in_scene[scene]
                elsewhere.append((things[name], scenes[scene], right, together))
    return {"two things": both, "thing + scene": there, "thing - scene": elsewhere}


def _products(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    return ((a, b) for a in one for b in two)


def composed(asked: str, way: str, score: Way, all_questions: list[Question]) -> Composed:
    """Ask all of them in one way."""
    rows = []
    for one, two, right, unwanted in all_questions:
        scores = score(one, two)
        order = np.argsort(-scores)
        rows.append(
            (
                average_precision(scores, right),
                100 * right[order[:5]].mean(),
                100 * unwanted[order[:10]].mean(),
            )
        )
    precision, first_five, hurt = np.mean(rows, axis=0).tolist()
    return Composed(asked, way, len(rows), precision, first_five, hurt)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    with benchmark("composing", parser) as (options, report):
        backbone = bundled_backbone()
        shown = shown_clips(backbone, seed=_SEED, count=options.clips)
        things, places = embedded_names(backbone), sorted(set(shown.scenes))
        scenes = dict(
            zip(places, embedded_texts(backbone, [f"the {p}" for p in places]), strict=True)
        )
        vectors = shown.embeddings

        def fulfilled(sign: float) -> Way:
            return lambda one, two: fulfilment(
                [1.0, sign], np.stack([one, two]), np.stack([vectors @ one, vectors @ two]), vectors
            )

        ways: dict[str, list[tuple[str, Way]]] = {
            "+": [("sum", lambda one, two: vectors @ (one + two)), ("fulfilment", fulfilled(1.0))],
            "-": [
                ("first term alone", lambda one, _: vectors @ one),
                ("difference", lambda one, two: vectors @ (one - two)),
                ("difference, a quarter", lambda one, two: vectors @ (one - 0.25 * two)),
                ("fulfilment", fulfilled(-1.0)),
            ],
        }
        rows = [
            composed(asked, name, way, found)
            for asked, found in questions(shown, things, scenes).items()
            for name, way in ways["-" if "-" in asked else "+"]
        ]
        report.show("Terms together", rows)
        report.show(
            "Figures",
            [Figure(f"{row.asked}, {row.way}: average precision", row.precision) for row in rows],
        )


if __name__ == "__main__":
    main()
