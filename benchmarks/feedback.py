"""How much results improve when a few of them are called right and wrong.

Queries are names of things ("a cat"), and vague words for the same things ("an animal"). The first
right ones among twenty results and the first wrong ones among ten are marked; what was marked is
taken out of the ranking before and after.
"""

from collections.abc import Sequence
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
from search.finding.composing import moved
from search.finding.matching import NeutralBank, neutral_texts

_SEED = 880_002
_VAGUE = ["an animal", "a thing", "food", "a vehicle", "a photo of something"]
_FEWEST = 7  # segments that show a thing, so that some are left to find

Question = tuple[np.ndarray, np.ndarray]  # the query (dim,), and which segments are right (n,)


@dataclass(frozen=True)
class Improved:
    """Means over queries: average precision, and right ones among the first ten, percent."""

    queries: str
    marked: int
    asked: int
    precision_before: float
    precision_after: float
    first_ten_before: float
    first_ten_after: float


def improved(
    shown: Shown, bank: np.ndarray, name: str, questions: Sequence[Question], marks: int
) -> Improved:
    """Mark some results as right and some as wrong for each question."""
    embeddings, background = shown.embeddings, NeutralBank.of(shown.embeddings, bank)
    rows = []
    for query, right in questions:
        order = np.argsort(-(embeddings @ query))
        liked = [one for one in order[:20] if right[one]][:marks]
        unliked = [one for one in order[:10] if not right[one]][:marks]
        left = np.ones(len(right), bool)
        left[[*liked, *unliked]] = False
        if not liked or right[left].sum() < 3:
            continue
        after = moved(
            query,
            embeddings[liked],
            embeddings[unliked],
            sample=embeddings,
            said_well=float(background.match(query, embeddings[liked]).mean()),
        )
        row = []
        for vector in (query, after):
            scores = (embeddings @ vector)[left]
            first = np.argsort(-scores)[:10]
            row += [average_precision(scores, right[left]), 100 * right[left][first].mean()]
        rows.append(row)
    before, ten_before, after_mean, ten_after = np.mean(rows, axis=0).tolist()
    return Improved(name, marks, len(rows), before, after_mean, ten_before, ten_after)


def questions_of(
    shown: Shown, named: dict[str, np.ndarray], vague: np.ndarray
) -> dict[str, list[Question]]:
    """By name, and by the vague word that fits best."""
    asked: dict[str, list[Question]] = {"names": [], "vague words": []}
    for name, text in named.items():
        right = shown.showing(name)
        if right.sum() < _FEWEST:
            continue
        fits = [average_precision(shown.embeddings @ one, right) for one in vague]
        asked["names"].append((text, right))
        asked["vague words"].append((vague[int(np.argmax(fits))], right))
    return asked


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    with benchmark("feedback", parser) as (options, report):
        backbone = bundled_backbone()
        shown = shown_clips(backbone, seed=_SEED, count=options.clips)
        asked = questions_of(shown, embedded_names(backbone), embedded_texts(backbone, _VAGUE))
        bank = embedded_texts(backbone, neutral_texts())
        rows = [
            improved(shown, bank, name, questions, marks)
            for name, questions in asked.items()
            for marks in (1, 2, 3)
        ]
        report.show("Before and after feedback", rows)
        report.figures(
            Figure(
                f"right among ten, {row.queries}, {row.marked} marked: change",
                row.first_ten_after - row.first_ten_before,
            )
            for row in rows
        )


if __name__ == "__main__":
    main()
