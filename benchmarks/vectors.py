"""Time, size and recall of the vector index, beside FAISS's plain exact index.

    python -m benchmarks.vectors                          10,000 and 50,000 vectors, half a minute
    python -m benchmarks.vectors --sizes 100000,300000    what the thresholds were chosen by

The vectors imitate what CLIP gives for segments. Queries come in two sorts: pictures (near a stored
vector) and texts (far from every vector, as texts are from pictures in CLIP). `--data noise` has no
structure at all.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import faiss
import numpy as np

from benchmarks.inputs.embeddings import Collection, clustered, noise
from benchmarks.measuring.options import numbers_in, parser_for
from benchmarks.measuring.reporting import benchmark
from benchmarks.measuring.timing import seconds, spread
from search.vectors import structures
from search.vectors.devices import threads_for
from search.vectors.faiss_index import FaissIndex
from search.vectors.protocol import Ids, Vectors
from search.vectors.storage import load, save
from search.vectors.structures import StructureKind

K = 10
SEGMENTS_PER_VIDEO = 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    `tenth_ms` and `video_ms` are queries among a tenth of all vectors and among those of one video.
    """

    data: str
    count: int
    structure: str
    probed: str
    build_s: float
    size_mb: float
    query_ms: float
    tenth_ms: float | None = None
    video_ms: float | None = None
    recall_pictures: float
    recall_texts: float
    add_video_ms: float | None = None
    remove_video_ms: float | None = None
    save_s: float | None = None
    load_s: float | None = None


def median_ms(action: Callable[[Vectors], object], queries: Vectors) -> float:
    action(queries[0])
    times_s = [seconds(action, query) for query in queries]
    return 1000 * spread(times_s)[1]


def recall(index: FaissIndex, queries: Vectors, truth: Ids) -> float:
    """The share of the true first K that a search finds."""
    found = [
        len(np.intersect1d(index.search(query, K).ids, true))
        for query, true in zip(queries, truth, strict=True)
    ]
    return sum(found) / truth.size


def measure(
    data: str, collection: Collection, index: FaissIndex, build_s: float, truths: list[Ids]
) -> Row:
    count, dim = collection.vectors.shape
    ids = np.arange(count)
    tenth, video = ids[::10], ids[:SEGMENTS_PER_VIDEO]
    newcomers = collection.pictures[:SEGMENTS_PER_VIDEO]
    new_ids = count + np.arange(len(newcomers))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_s = seconds(lambda: save(index, folder, space="benchmark", revision=1))
        load_s = seconds(lambda: load(folder, space="benchmark", dim=dim))
        size_bytes = sum(path.stat().st_size for path in folder.iterdir())
    # The first addition may move all vectors to a larger place; that is not what a video costs.
    index.add(new_ids, newcomers)
    index.remove(new_ids)
    pictures = collection.pictures
    return Row(
        data=data,
        count=count,
        structure=index.kind,
        probed="all" if index.kind == "flat" else f"1/{structures.PROBED_SHARE}",
        build_s=build_s,
        size_mb=size_bytes / 1e6,
        query_ms=median_ms(lambda query: index.search(query, K), pictures),
        tenth_ms=median_ms(lambda query: index.search(query, K, among=tenth), pictures),
        video_ms=median_ms(lambda query: index.search(query, K, among=video), pictures),
        recall_pictures=recall(index, pictures, truths[0]),
        recall_texts=recall(index, collection.texts, truths[1]),
        add_video_ms=1000 * seconds(index.add, new_ids, newcomers),
        remove_video_ms=1000 * seconds(index.remove, new_ids),
        save_s=save_s,
        load_s=load_s,
    )


def plain_faiss(data: str, collection: Collection) -> tuple[Row, list[Ids]]:
    """The row of FAISS's IndexFlatIP used directly on one thread, and the true first K."""
    count, dim = collection.vectors.shape
    index = faiss.IndexFlatIP(dim)
    # Rounded as in ours, so that recall speaks of the search alone.
    build_s = seconds(index.add, collection.vectors.astype(np.float16).astype(np.float32))
    truths = [index.search(queries, K)[1] for queries in (collection.pictures, collection.texts)]
    with threads_for(1):
        query_ms = median_ms(lambda query: index.search(query[None], K), collection.pictures)
    row = Row(
        data=data,
        count=count,
        structure="IndexFlatIP",
        probed="all",
        build_s=build_s,
        size_mb=count * dim * 4 / 1e6,
        query_ms=query_ms,
        recall_pictures=1.0,
        recall_texts=1.0,
    )
    return row, truths


def rows_for(data: str, collection: Collection, shares: list[int]) -> list[Row]:
    reference, truths = plain_faiss(data, collection)
    rows = [reference]
    count, dim = collection.vectors.shape
    kinds: tuple[StructureKind, ...] = ("flat", "ivf")
    for kind in kinds:
        index = FaissIndex(dim, kind=kind)
        build_s = seconds(index.add, np.arange(count), collection.vectors)
        for share in shares if kind == "ivf" else shares[:1]:
            with mock.patch.object(structures, "PROBED_SHARE", share):
                rows.append(measure(data, collection, index, build_s, truths))
    return rows


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--sizes", type=numbers_in, default=[10_000, 50_000])
    parser.add_argument("--shares", type=numbers_in, default=[structures.PROBED_SHARE])
    parser.add_argument("--data", choices=["clustered", "noise"], default="clustered")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--dim", type=int, default=512)
    with benchmark("vectors", parser) as (options, report):
        make: Callable[[int, int, int], Collection] = noise
        if options.data == "clustered":
            make = partial(clustered, segments_per_video=SEGMENTS_PER_VIDEO)
        rows: list[Row] = []
        for count in options.sizes:
            collection = make(count, options.queries, options.dim)
            rows += rows_for(options.data, collection, options.shares)
        report.show("The vector index beside plain FAISS", rows)


if __name__ == "__main__":
    main()
