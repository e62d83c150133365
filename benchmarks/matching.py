"""How often "nothing here matches" is said rightly.

Libraries of the small world from which half of the things were left out are asked for every thing
by name. The match was calibrated on other clips.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.inputs.small_library import Shown, embedded_names, embedded_texts, shown_clips
from benchmarks.measuring.options import bundled_backbone, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from search.finding.hits import STRONG_FROM, WEAK_BELOW
from search.finding.matching import NeutralBank, neutral_texts

_SEED = 880_001
_SIZES = (1, 5, 10, 50, 200, 480)


@dataclass(frozen=True)
class Told:
    """Percent of questions whose best match is called weak, or strong, in libraries of one size.

    absent: for things that are not there; there: for those that are; right: where the best shows it
    """

    segments: int
    questions: int
    absent_weak: float
    absent_strong: float
    there_weak: float
    right_weak: float
    right_strong: float


def told(
    shown: Shown, named: dict[str, np.ndarray], bank: np.ndarray, size: int, libraries: int
) -> Told:
    """Ask libraries of one size."""
    rng = np.random.default_rng(size)
    names = list(named)
    answers = []
    for _ in range(libraries):
        absent = set(rng.choice(names, len(names) // 2, replace=False).tolist())
        allowed = [i for i, things in enumerate(shown.things) if not things & absent]
        library = shown.chosen(rng.permutation(allowed)[:size])
        background = NeutralBank.of(library.embeddings, bank)
        for name, text in named.items():
            best = int((library.embeddings @ text).argmax())
            match = float(background.match(text, library.embeddings[best : best + 1])[0])
            answers.append((match, library.showing(name).any(), name in library.things[best]))
    matches = np.array([one for one, _, _ in answers])
    there = np.array([one for _, one, _ in answers], bool)
    right = np.array([one for _, _, one in answers], bool)

    def percent(of: np.ndarray) -> float:
        return 100 * float(of.mean()) if len(of) else float("nan")

    return Told(
        size,
        len(matches),
        percent(matches[~there] < WEAK_BELOW),
        percent(matches[~there] >= STRONG_FROM),
        percent(matches[there] < WEAK_BELOW),
        percent(matches[right] < WEAK_BELOW),
        percent(matches[right] >= STRONG_FROM),
    )


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    with benchmark("matching", parser) as (options, report):
        backbone = bundled_backbone()
        shown = shown_clips(backbone, seed=_SEED, count=options.clips)
        named = embedded_names(backbone)
        bank = embedded_texts(backbone, neutral_texts())
        rows = [told(shown, named, bank, size, 12 if size < 100 else 4) for size in _SIZES]
        report.show("The best match for names of things, percent", rows)
        large = rows[-1]
        report.figures(
            [
                Figure(f"not there, called weak, {large.segments} segments, %", large.absent_weak),
                Figure(f"there and found, called weak, {large.segments}, %", large.right_weak),
            ]
        )


if __name__ == "__main__":
    main()
