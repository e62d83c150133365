"""Time, size and recall of the vector index, beside FAISS's plain exact index.

    python -m benchmarks.vectors                          10,000 and 50,000 vectors, half a minute
    python -m benchmarks.vectors --sizes 100000,300000    what the thresholds were chosen by

The vectors imitate what CLIP gives for segments: they share a mean direction, spread most along a
few directions, and come as videos whose segments are alike, within topics that melt into each
other. Queries come in two sorts: pictures (near a stored vector) and texts (another mean
direction and far from every vector, as texts are from pictures in CLIP). `--data noise` has no
structure at all: nothing but comparing with everything can work there.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import faiss
import numpy as np

from search.vectors import structures
from search.vectors.devices import threads_for
from search.vectors.faiss_index import FaissIndex
from search.vectors.protocol import Ids, Vectors
from search.vectors.storage import load, save
from search.vectors.structures import Kind

K = 10
SEGMENTS_PER_VIDEO = 20
SPREAD_DIRECTIONS = 256
TOPICS = 1000


@dataclass(frozen=True)
class Collection:
    """Stored vectors (count, dim), and queries (queries, dim) of both sorts."""

    vectors: Vectors
    pictures: Vectors
    texts: Vectors


@dataclass(frozen=True)
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
    tenth_ms: float | None
    video_ms: float | None
    recall_pictures: float
    recall_texts: float
    add_video_ms: float | None
    remove_video_ms: float | None
    save_s: float | None
    load_s: float | None


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clustered(count: int, queries: int, dim: int) -> Collection:
    random = np.random.default_rng(count)

    def normal(*shape: int) -> Vectors:
        return random.standard_normal(shape, dtype=np.float32)

    directions = normal(SPREAD_DIRECTIONS, dim) / np.float32(dim**0.5)
    strengths = 1 / np.sqrt(np.arange(1, SPREAD_DIRECTIONS + 1, dtype=np.float32))
    strengths /= np.linalg.norm(strengths)
    picture_mean, text_mean = unit(normal(2, dim))
    topics = normal(TOPICS, SPREAD_DIRECTIONS) * strengths
    videos = -(-count // SEGMENTS_PER_VIDEO)
    # Squaring makes some topics common and many rare.
    topic_of_video = (random.random(videos) ** 2 * TOPICS).astype(int)
    video_contents = 0.6 * topics[topic_of_video]
    video_contents += 0.8 * normal(videos, SPREAD_DIRECTIONS) * strengths
    contents = np.repeat(video_contents, SEGMENTS_PER_VIDEO, axis=0)[:count]
    contents += 0.6 * normal(count, SPREAD_DIRECTIONS) * strengths
    asked = contents[random.integers(0, count, queries)]
    pictured = asked + 0.5 * normal(queries, SPREAD_DIRECTIONS) * strengths
    meant = 0.6 * (asked + normal(queries, SPREAD_DIRECTIONS) * strengths)
    grain = np.float32(dim**-0.5)
    return Collection(
        vectors=unit(0.9 * picture_mean + contents @ directions + 0.2 * grain * normal(count, dim)),
        pictures=unit(
            0.9 * picture_mean + pictured @ directions + 0.2 * grain * normal(queries, dim)
        ),
        texts=unit(1.2 * text_mean + meant @ directions + 0.5 * grain * normal(queries, dim)),
    )


def noise(count: int, queries: int, dim: int) -> Collection:
    random = np.random.default_rng(count)
    vectors, pictures, texts = (
        unit(random.standard_normal((number, dim), dtype=np.float32))
        for number in (count, queries, queries)
    )
    return Collection(vectors=vectors, pictures=pictures, texts=texts)


def median_ms(action: Callable[[Vectors], object], queries: Vectors) -> float:
    action(queries[0])
    times = []
    for query in queries:
        start = time.perf_counter()
        action(query)
        times.append(time.perf_counter() - start)
    return round(1000 * statistics.median(times), 3)


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return round(time.perf_counter() - start, 4)


def recall(index: FaissIndex, queries: Vectors, truth: Ids) -> float:
    """The share of the true first K that a search finds."""
    found = [
        len(np.intersect1d(index.search(query, K).ids, true))
        for query, true in zip(queries, truth, strict=True)
    ]
    return round(sum(found) / truth.size, 4)


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
        size_mb=round(size_bytes / 1e6, 1),
        query_ms=median_ms(lambda query: index.search(query, K), pictures),
        tenth_ms=median_ms(lambda query: index.search(query, K, among=tenth), pictures),
        video_ms=median_ms(lambda query: index.search(query, K, among=video), pictures),
        recall_pictures=recall(index, pictures, truths[0]),
        recall_texts=recall(index, collection.texts, truths[1]),
        add_video_ms=round(1000 * seconds(lambda: index.add(new_ids, newcomers)), 3),
        remove_video_ms=round(1000 * seconds(lambda: index.remove(new_ids)), 3),
        save_s=save_s,
        load_s=load_s,
    )


def plain_faiss(data: str, collection: Collection) -> tuple[Row, list[Ids]]:
    """The row of FAISS's IndexFlatIP used directly on one thread, and the true first K."""
    count, dim = collection.vectors.shape
    index = faiss.IndexFlatIP(dim)
    # Rounded as in ours, so that recall speaks of the search alone.
    build_s = seconds(lambda: index.add(collection.vectors.astype(np.float16).astype(np.float32)))
    truths = [index.search(queries, K)[1] for queries in (collection.pictures, collection.texts)]
    with threads_for(1):
        query_ms = median_ms(lambda query: index.search(query[None], K), collection.pictures)
    row = Row(
        data=data,
        count=count,
        structure="IndexFlatIP",
        probed="all",
        build_s=build_s,
        size_mb=round(count * dim * 4 / 1e6, 1),
        query_ms=query_ms,
        tenth_ms=None,
        video_ms=None,
        recall_pictures=1.0,
        recall_texts=1.0,
        add_video_ms=None,
        remove_video_ms=None,
        save_s=None,
        load_s=None,
    )
    return row, truths


def rows_for(data: str, collection: Collection, shares: list[int]) -> list[Row]:
    reference, truths = plain_faiss(data, collection)
    rows = [reference]
    count, dim = collection.vectors.shape
    kinds: tuple[Kind, ...] = ("flat", "ivf")
    for kind in kinds:
        index = FaissIndex(dim, kind=kind)
        build_s = seconds(lambda: index.add(np.arange(count), collection.vectors))  # noqa: B023
        for share in shares if kind == "ivf" else shares[:1]:
            with mock.patch.object(structures, "PROBED_SHARE", share):
                rows.append(measure(data, collection, index, build_s, truths))
    return rows


def table(rows: list[Row]) -> str:
    names = list(asdict(rows[0]))
    lines = [names]
    for row in rows:
        lines.append(["-" if value is None else str(value) for value in asdict(row).values()])
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def numbers_in(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sizes", type=numbers_in, default=[10_000, 50_000])
    parser.add_argument("--shares", type=numbers_in, default=[structures.PROBED_SHARE])
    parser.add_argument("--data", choices=["clustered", "noise"], default="clustered")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/vectors.json"))
    options = parser.parse_args()
    make = {"clustered": clustered, "noise": noise}[options.data]
    rows: list[Row] = []
    for count in options.sizes:
        collection = make(count, options.queries, options.dim)
        rows += rows_for(options.data, collection, options.shares)
    print(table(rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
