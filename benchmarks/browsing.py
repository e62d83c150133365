"""The wall of sketches: how long a page of a large library takes, and the likeness map.

    python -m benchmarks.browsing                   10,000 and 100,000 segments, half a minute
    python -m benchmarks.browsing --sizes 10000     one size

Libraries are filled with made-up embeddings, 12 segments a video. Timed is what the view asks the
library for: the segments of a page at the beginning, the middle and the end, and the cells of the
map, with the reading of all embeddings (*opened*) and without (*one cell further*). The pictures of
a page come on top, the same number for any library.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.measuring.indexing import filled_library
from benchmarks.measuring.options import numbers_in, parser_for
from benchmarks.measuring.reporting import benchmark
from benchmarks.measuring.timing import seconds
from models.clip.backbone import Backbone, load_backbone
from models.clip.sources import choose_model
from search.catalog.store import Store
from search.finding.browsing import by_video, embedded
from search.finding.similarity_map import SimilarityMap
from ui.web.browse import COLUMNS, MAPPED, PAGE, ROWS


@dataclass(frozen=True)
class Row:
    """How long a part of the view takes in a library of one size."""

    segments: int
    part: str
    median_ms: float
    worst_ms: float


def measure(backbone: Backbone, *, segments: int, times: int) -> list[Row]:
    """Fill a library and look through it, each part `times` times."""
    last = (segments - 1) // PAGE * PAGE
    with filled_library(backbone, segments) as library:
        whole = _map(library)
        cell = whole.cells(COLUMNS, ROWS)[0]
        parts: dict[str, Callable[[], object]] = {
            "first page": partial(_page, library, 0),
            "page in the middle": partial(_page, library, last // 2),
            "last page": partial(_page, library, last),
            "map, opened": lambda: _map(library).cells(COLUMNS, ROWS),
            "map, one cell further": lambda: whole.within(cell).cells(COLUMNS, ROWS),
        }
        return [_row(segments, part, action, times) for part, action in parts.items()]


def _row(segments: int, part: str, action: Callable[[], object], times: int) -> Row:
    action()  # what is read for the first time is not what is measured
    taken_ms = [1000 * seconds(action) for _ in range(times)]
    return Row(segments, part, median(taken_ms), max(taken_ms))


def _page(library: Store, start: int) -> object:
    with library.reading() as session:
        return by_video(session, start=start, count=PAGE)


def _map(library: Store) -> SimilarityMap:
    with library.reading() as session:
        return SimilarityMap(*embedded(session, most=MAPPED))


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--sizes", type=numbers_in, default=[10_000, 100_000])
    parser.add_argument("--times", type=int, default=10, help="how often each is done (10)")
    with benchmark("browsing", parser) as (options, report):
        backbone = load_backbone(choose_model("bundled"), device="cpu")
        rows = [
            row
            for segments in options.sizes
            for row in measure(backbone, segments=segments, times=options.times)
        ]
        report.show("Looking through libraries", rows)


if __name__ == "__main__":
    main()
