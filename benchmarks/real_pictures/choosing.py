"""Fits what is known of how sure a match is, on other pictures and questions than are reported.

    python -m benchmarks.real_pictures.choosing --footage FOLDER…

The footage is videos and pictures; choosing.csv has the questions, with the names of the files that
are right. With the model `imagenet` libraries are made of some of the footage, and all questions
asked; with the bundled model libraries of the small world from which half of the things were left
out, and all things asked for. One calibration is fitted to both together, each question counting
alike, whether present or absent, and so each size of library and each world. A second table tells
what becomes of the questions when those are left open whose words are too far from every class's
name. How likely tags of the model `imagenet` are is fitted to the same questions as labels.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.duplicates import decoded, encoded
from benchmarks.inputs.small_library import embedded_names, embedded_texts, shown_clips
from benchmarks.measuring.options import bundled_backbone, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.real_pictures.asking import Question, questions
from benchmarks.real_pictures.footage import gather
from indexer.reading.settings import IndexSettings
from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from models.imagenet.joint import KNOWN_FROM
from models.labels.calibration import fit_calibration
from models.labels.prompts import NEUTRAL_SENTENCES
from models.labels.tagging import Background, Calibration, measure_floor, tag_scores
from search.finding.hits import WEAK_BELOW
from search.finding.matching import CALIBRATION, NeutralBank, neutral_texts

_QUESTIONS = Path(__file__).with_name("choosing.csv")
_FOLDS = 5
# Other clips than benchmarks/matching.py reports on.
_SEED = 770_003
_REAL_SIZES = {4: 20, 5: 20, 10: 16, 20: 12, 28: 3}  # videos: libraries
_SMALL_SIZES = {5: 10, 10: 10, 50: 8, 200: 5, 300: 3}  # segments: libraries
_FITTED = (
    "match: above the library",
    "match: above the segment",
    "match: offset",
    "tags: scale",
    "tags: offset",
)
_WORLD_WEIGHT = 1000.0
_NEARNESSES = (0.0, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


@dataclass(frozen=True)
class Cases:
    """Questions to libraries: the evidence of the best segment, (n, 2), and whether it is there.

    asked, size: the number of the question, and the size of the library
    """

    evidence: np.ndarray
    there: np.ndarray
    asked: np.ndarray
    size: np.ndarray

    def weights(self) -> np.ndarray:
        """So that questions and sizes count alike, present and absent, (n,), and so worlds."""
        weights = np.zeros(len(self.there))
        for there in (False, True):
            for one in np.unique(self.asked):
                rows = (self.asked == one) & (self.there == there)
                weights[rows] = 1 / max(1, rows.sum())
            for size in np.unique(self.size):
                rows = (self.size == size) & (self.there == there)
                weights[rows] /= max(float(weights[rows].sum()), 1e-9)
        return weights * (_WORLD_WEIGHT / weights.sum())

    def of(self, rows: np.ndarray) -> "Cases":
        """Some of them."""
        return Cases(self.evidence[rows], self.there[rows], self.asked[rows], self.size[rows])


@dataclass(frozen=True)
class Called:
    """Percent of the best matches that are called weak, by a calibration of other questions."""

    world: str
    size: int
    absent_weak: float
    present_weak: float


@dataclass(frozen=True)
class LeftOpen:
    """Percent of all questions, if those are left open that are further from every class.

    right: absent and called weak; wrong: present and called weak
    """

    nearness: float
    absent_right: float
    absent_open: float
    present_wrong: float
    present_open: float


def read_questions() -> list[Question]:
    """Those that the calibration is fitted to."""
    return questions(_QUESTIONS)


def library_cases(
    embeddings: np.ndarray, bank: np.ndarray, texts: np.ndarray, there: Sequence[bool], size: int
) -> Iterator[tuple[np.ndarray, bool, int, int]]:
    """What one library says to all texts."""
    background = NeutralBank.of(embeddings, bank)
    best = (embeddings @ texts.T).argmax(axis=0)
    for number, text in enumerate(texts):
        chosen = embeddings[best[number]][None]
        yield background.evidence(text, chosen)[0], there[number], number, size


def _joined(cases: Iterator[tuple[np.ndarray, bool, int, int]]) -> Cases:
    evidence, there, asked, size = zip(*cases, strict=True)
    return Cases(np.array(evidence), np.array(there), np.array(asked), np.array(size))


def real_cases(
    backbone: Backbone,
    names: Sequence[str],
    segments: np.ndarray,
    texts: np.ndarray,
    asked: Sequence[Question],
) -> Cases:
    """Libraries of some of the footage.

    names: of the video of each segment; segments: (n, dim), unit; texts: of the questions
    """
    bank = embedded_texts(backbone, neutral_texts())
    videos, rng = sorted(set(names)), np.random.default_rng(0)

    def ask() -> Iterator[tuple[np.ndarray, bool, int, int]]:
        for size, libraries in _REAL_SIZES.items():
            for _ in range(libraries):
                chosen = set(rng.permutation(videos)[:size].tolist())
                rows = segments[np.isin(names, list(chosen))]
                there = [bool(one.shown_by & chosen) for one in asked]
                yield from library_cases(rows, bank, texts, there, size)

    return _joined(ask())


def encoded_footage(backbone: Backbone, footage: Sequence[Path]) -> tuple[list[str], np.ndarray]:
    """The name of the video of each segment, and the segments, (n, dim)."""
    names: list[str] = []
    segments: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as folder:
        gather(footage, Path(folder))
        for video in sorted(Path(folder).iterdir()):
            found = decoded(video, backbone, IndexSettings())
            segments.append(encoded(video, found, backbone))
            names += [video.stem] * len(found)
    return names, np.concatenate(segments)


def small_cases(clips: int) -> Cases:
    """Libraries of the small world, with the bundled model."""
    backbone = bundled_backbone()
    shown = shown_clips(backbone, seed=_SEED, count=clips)
    named = embedded_names(backbone)
    bank = embedded_texts(backbone, neutral_texts())
    texts, rng = np.stack(list(named.values())), np.random.default_rng(0)

    def ask() -> Iterator[tuple[np.ndarray, bool, int, int]]:
        for size, libraries in _SMALL_SIZES.items():
            for _ in range(libraries):
                absent = set(rng.choice(list(named), len(named) // 2, replace=False).tolist())
                allowed = [i for i, things in enumerate(shown.things) if not things & absent]
                library = shown.chosen(rng.permutation(allowed)[:size])
                there = [bool(library.showing(name).any()) for name in named]
                yield from library_cases(library.embeddings, bank, texts, there, size)

    return _joined(ask())


def tag_calibration(
    backbone: Backbone,
    names: Sequence[str],
    segments: np.ndarray,
    texts: np.ndarray,
    asked: Sequence[Question],
) -> Calibration:
    """What questions say as labels: how likely segments show them by their scores."""
    labels, videos = torch.from_numpy(texts), torch.from_numpy(segments)
    neutral = torch.from_numpy(embedded_texts(backbone, list(NEUTRAL_SENTENCES)))
    background = Background(neutral, measure_floor(videos, labels))
    scores = tag_scores(videos, labels, background, logit_scale=backbone.logit_scale)
    holds = [[name in one.shown_by for one in asked] for name in names]
    return fit_calibration(scores, torch.tensor(holds))


def fitted(cases: Sequence[Cases]) -> np.ndarray:
    """What the two kinds of evidence count, and the offset, (3,)."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression().fit(
        np.concatenate([one.evidence for one in cases]),
        np.concatenate([one.there for one in cases]),
        sample_weight=np.concatenate([one.weights() for one in cases]),
    )
    return np.append(fit.coef_[0], fit.intercept_)


def is_weak(cases: Cases, calibration: np.ndarray) -> np.ndarray:
    """Which are called weak, (n,)."""
    odds = cases.evidence @ calibration[:2] + calibration[2]
    return np.asarray(1 / (1 + np.exp(-odds)) < WEAK_BELOW)


def held_out(worlds: dict[str, Cases]) -> Iterator[Called]:
    """Each question by a calibration that the others gave."""
    weak = {world: np.zeros(len(cases.there), bool) for world, cases in worlds.items()}
    for fold in range(_FOLDS):
        others = [cases.of(cases.asked % _FOLDS != fold) for cases in worlds.values()]
        calibration = fitted(others)
        for world, cases in worlds.items():
            rows = cases.asked % _FOLDS == fold
            weak[world][rows] = is_weak(cases, calibration)[rows]
    for world, cases in worlds.items():
        for size in np.unique(cases.size).tolist():
            of_size = cases.size == size
            yield Called(
                world,
                size,
                _percent(weak[world][of_size & ~cases.there]),
                _percent(weak[world][of_size & cases.there]),
            )


def left_open(cases: Cases, nearness: np.ndarray, calibration: np.ndarray) -> Iterator[LeftOpen]:
    """nearness: of each question to the class that is nearest, (questions,)"""
    weak, weights = is_weak(cases, calibration), cases.weights()
    for least in _NEARNESSES:
        told = nearness[cases.asked] >= least

        def share(of: np.ndarray, there: np.ndarray) -> float:
            return 100 * float(np.average(of[there], weights=weights[there]))

        yield LeftOpen(
            least,
            share(weak & told, ~cases.there),
            share(~told, ~cases.there),
            share(weak & told, cases.there),
            share(~told, cases.there),
        )


def _percent(of: np.ndarray) -> float:
    return 100 * float(of.mean())


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", required=True)
    parser.add_argument("--clips", type=int, default=500)
    with benchmark("real_pictures_choosing", parser) as (options, report):
        backbone = load_backbone(choose_model("imagenet"))
        asked = read_questions()
        names, segments = encoded_footage(backbone, options.footage)
        texts = embedded_texts(backbone, [one.words for one in asked])
        real = real_cases(backbone, names, segments, texts, asked)
        nearness = backbone.model.known_texts.nearness(texts)
        tags = tag_calibration(backbone, names, segments, texts, asked)
        worlds = {
            "real pictures": real.of(nearness[real.asked] >= KNOWN_FROM),
            "small world": small_cases(options.clips),
        }
        report.show("Best matches called weak, held out, percent", list(held_out(worlds)))
        report.show(
            "Questions that are left open, percent", list(left_open(real, nearness, CALIBRATION))
        )
        found = [*fitted(list(worlds.values())).tolist(), tags.scale, tags.offset]
        used = [*CALIBRATION.tolist(), *backbone.tag_calibration]
        report.figures(
            Figure(name, value, f"{one:g} is used")
            for name, value, one in zip(_FITTED, found, used, strict=True)
        )


if __name__ == "__main__":
    main()
