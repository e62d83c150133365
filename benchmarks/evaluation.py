"""How long ranking many texts and videos takes, and how much memory.

    python -m benchmarks.evaluation                   10,000 texts × 10,000 videos, a few seconds
    python -m benchmarks.evaluation --sizes 1000,10000

Made-up embeddings of width 512, one text for each video. `products` is the processor time of the
matrix products alone, one for each block, which no evaluation can do without; the two directions
take one pass each. `memory` is how much the process grew over what it needs for the embeddings;
all scores at once would be four bytes for each pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.measuring.options import numbers_in, parser_for
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.timing import timed
from models.metrics.retrieval import text_to_video_ranks, video_to_text_ranks
from models.metrics.scores import CosineScores, Scores, blocks, dual_softmax

DIM = 512
SEED = 1


@dataclass(frozen=True)
class Row:
    """One way to rank all pairs."""

    pairs: str
    ranking: str
    clock_s: float
    processor_s: float
    products_s: float  # processor time
    memory_mb: float
    all_scores_mb: float


def measure(count: int) -> list[Row]:
    """Rank ``count`` texts and as many videos in each way."""
    random = torch.Generator().manual_seed(SEED)
    videos = torch.randn(count, DIM, generator=random)
    texts = videos + 3 * torch.randn(count, DIM, generator=random)
    scores = CosineScores(texts, videos)
    before_mb = peak_mb()
    products, _ = timed(_products, scores)
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "text → video": lambda: text_to_video_ranks(scores),
        "video → text": lambda: video_to_text_ranks(scores),
        "dual softmax, text → video": lambda: text_to_video_ranks(dual_softmax(scores, scale=100)),
    }
    rows = []
    for name, rank in ways.items():
        taken, _ = timed(rank)
        rows.append(
            Row(
                pairs=f"{count} × {count}",
                ranking=name,
                clock_s=taken.clock_s,
                processor_s=taken.processor_s,
                products_s=products.processor_s,
                memory_mb=peak_mb() - before_mb,
                all_scores_mb=4 * count**2 / 1e6,
            )
        )
    return rows


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def _products(scores: Scores) -> None:
    for start, stop in blocks(scores.texts, scores.videos):
        scores.rows(start, stop)


def figures_of(rows: list[Row]) -> list[Figure]:
    """The dearest of the plain rankings beside the products alone, and beside all scores."""
    plain = [row for row in rows if "softmax" not in row.ranking]
    slowest = max(plain, key=lambda row: row.processor_s)
    return [
        Figure(f"ranking / products, {slowest.pairs}", slowest.processor_s / slowest.products_s),
        Figure(f"memory / all scores, {slowest.pairs}", slowest.memory_mb / slowest.all_scores_mb),
    ]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--sizes", type=numbers_in, default=[10_000])
    with benchmark("evaluation", parser) as (options, report):
        rows = [row for count in options.sizes for row in measure(count)]
        report.show("Ranking", rows)
        report.figures(figures_of(rows))


if __name__ == "__main__":
    main()
