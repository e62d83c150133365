"""Where the time of a text query goes, beside plain FAISS.

    python -m benchmarks.query                   10,000 and 100,000 segments, a minute or two
    python -m benchmarks.query --sizes 100000    one size

Libraries are filled with made-up embeddings like those of CLIP, 24 frames a segment and 12 segments
a video, 2.5 GB for 100,000 segments. Everything is warm: the model is loaded, the index is in
memory, and the catalog in the system's file cache.

Text: queries of usual length are encoded by the program, which stops at their end, and by open_clip
at the model's full length. Every text is new, so none comes from the cache.

Search: `search_vector` is all that happens between a query's vector and its hits. It is compared
with FAISS's IndexFlatIP on the same vectors, asked for as many results, on one thread, as the
program asks. The same search is timed in a part of the folders, each time in others. Its parts are
timed in searches of their own. Every query is new, and all measurements
take turns, so that other programs disturb all of them alike.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from unittest import mock

import faiss
import numpy as np
import torch

from benchmarks.inputs.embeddings import clustered
from benchmarks.inputs.shelves import FOLDERS, SEGMENTS_PER_VIDEO, fill
from benchmarks.measuring.indexing import new_library
from benchmarks.measuring.options import (
    add_model_options,
    bare_model,
    chosen_backbone,
    numbers_in,
    parser_for,
)
from benchmarks.measuring.reporting import Figure, benchmark
from benchmarks.measuring.timing import seconds, spread, timed
from models.clip.backbone import Backbone
from search.finding import grouping, ranking
from search.finding.engine import SearchEngine
from search.queries.query import Filters
from search.vectors.devices import threads_for
from search.vectors.protocol import Vectors
from search.vectors.segment_index import SegmentIndex

K = 10
ASKED = K * ranking.SEGMENTS_PER_VIDEO  # what FAISS is asked for to find K videos
WARM_UP = 5
SHORTENED, WHOLE = "as far as it is long", "open_clip, at full length"
RAW, SEARCH, REST = "plain FAISS", "search_vector", "everything else"
SEQUENCE = "first this, then that"
WHOLE_QUERY, ENCODED = "a text, from words to hits", "encoding that text, and plain FAISS"
# Folders that pass, of FOLDERS; the filter of every search is a new one.
FILTERED = {1: "in 1 % of the videos", 50: "in half of the videos"}

SUBJECTS = ("a man", "two women", "a small dog", "children", "the cook", "an old tram", "someone")
DOINGS = ("opens a bottle", "running", "waits", "plays the violin", "crossing the street", "falls")
WAYS = ("", "in the rain", "in slow motion", "from behind")
PLACES = ("", "at night", "in the snow", "on a beach at sunset", "seen from above", "in a kitchen")

# What `search_vector` calls, and what each call is for.
PARTS: dict[str, tuple[Any, str]] = {
    "looking for changes": (SegmentIndex, "refresh"),
    "vector search": (SegmentIndex, "nearest"),
    "catalog: segments": (ranking, "read_candidates"),
    "catalog: best frames": (grouping, "best_frames_of"),
    "catalog: tags": (grouping, "tags_of"),
    "catalog: videos": (grouping, "present_videos"),
}


@dataclass(frozen=True)
class TextRow:
    """The time of encoding one text, tokens and all."""

    encoded: str
    texts: int
    min_ms: float
    median_ms: float
    max_ms: float


@dataclass(frozen=True)
class Row:
    """The time of one part of a search."""

    segments: int
    part: str
    queries: int
    min_ms: float
    median_ms: float
    max_ms: float


@dataclass(frozen=True)
class LibraryRow:
    """A library: how long it took to fill, and to open for the first time."""

    segments: int
    catalog_mb: float
    filling_s: float
    indexing_s: float


Times = dict[str, list[float]]  # seconds, by what was timed


def short_texts(count: int) -> list[str]:
    """Different queries as people type them, in an order that is always the same."""
    words = itertools.product(SUBJECTS, DOINGS, PLACES, WAYS)
    texts = [" ".join(filter(None, text)) for text in words]
    return random.Random(1).sample(texts, count)


@torch.inference_mode()
def time_texts(backbone: Backbone, texts: Iterator[str], *, count: int) -> Times:
    """Encode texts in turn as the program does, and as open_clip does."""
    bare: Any = bare_model(backbone)

    def encode_whole(text: str) -> torch.Tensor:
        return bare.model.encode_text(bare.tokenize([text]).to(backbone.device)).cpu()

    times: Times = {SHORTENED: [], WHOLE: []}
    for one, other in _pairs(texts, count):
        times[SHORTENED].append(seconds(backbone.embed_texts, [one]))
        times[WHOLE].append(seconds(encode_whole, other))
    return {name: taken[WARM_UP:] for name, taken in times.items()}


def time_searches(searching: SearchEngine, vectors: Vectors, queries: Vectors) -> Times:
    """Search in parts, as a whole and with plain FAISS, in turn.

    A query that was just asked is answered quicker: so the parts have queries of their own.
    """
    raw = faiss.IndexFlatIP(vectors.shape[1])
    raw.add(vectors.astype(np.float16).astype(np.float32))
    times: Times = defaultdict(list)
    for one, query in zip(queries[::2], queries[1::2], strict=True):
        with parts_timed() as parts:
            whole_s = seconds(searching.search_vector, one, K)
        for part, part_s in parts.items():
            times[part].append(part_s)
        times[REST].append(whole_s - sum(parts.values()))
        times[SEARCH].append(seconds(searching.search_vector, query, K))
        for folders, name in FILTERED.items():
            filters = _some_folders(folders, seed=len(times[SEARCH]))
            times[name].append(seconds(partial(searching.search_vector, filters=filters), query, K))
        with threads_for(1):
            times[RAW].append(seconds(raw.search, query[None], ASKED))
    return {name: taken[WARM_UP:] for name, taken in times.items()}


def _pairs(texts: Iterator[str], count: int) -> Iterator[tuple[str, str]]:
    """Pairs of texts, those to warm up with among them."""
    return itertools.islice(zip(texts, texts, strict=False), count + WARM_UP)


def _some_folders(count: int, *, seed: int) -> Filters:
    numbers = random.Random(seed).sample(range(FOLDERS), count)
    return Filters(folders=tuple(str(number) for number in numbers))


def time_sequences(searching: SearchEngine, texts: Iterator[str], *, count: int) -> list[float]:
    """Search for one text and then another, each time one of them new to the model."""
    steps = list(itertools.islice(texts, count + 1))
    searching.search(steps[0], K)
    return [
        seconds(searching.search, f"{one} --then {other}", K)
        for one, other in itertools.pairwise(steps)
    ]


def time_queries(
    searching: SearchEngine, vectors: Vectors, texts: Iterator[str], *, count: int
) -> Times:
    """Search for new texts, matches and all, beside their encoding and plain FAISS."""
    raw = faiss.IndexFlatIP(vectors.shape[1])
    raw.add(vectors.astype(np.float16).astype(np.float32))
    times: Times = {WHOLE_QUERY: [], ENCODED: []}
    for one, other in _pairs(texts, count):
        times[WHOLE_QUERY].append(seconds(searching.search, one, K))
        with threads_for(1):
            times[ENCODED].append(seconds(_encoded_and_found, searching, raw, other))
    return {name: taken[WARM_UP:] for name, taken in times.items()}


def _encoded_and_found(searching: SearchEngine, raw: Any, text: str) -> None:
    embedding = searching.backbone.embed_texts([text]).numpy()
    raw.search(embedding / np.linalg.norm(embedding), ASKED)


@contextmanager
def parts_timed() -> Iterator[dict[str, float]]:
    """The seconds that each of the PARTS takes inside the block."""
    spent = dict.fromkeys(PARTS, 0.0)
    with ExitStack() as patches:
        for part, (owner, name) in PARTS.items():
            watched = _watched(getattr(owner, name), spent, part)
            patches.enter_context(mock.patch.object(owner, name, watched))
        yield spent


def _watched(
    function: Callable[..., Any], spent: dict[str, float], part: str
) -> Callable[..., Any]:
    @wraps(function)
    def watched(*arguments: Any, **options: Any) -> Any:
        timing, result = timed(partial(function, *arguments, **options))
        spent[part] += timing.clock_s
        return result

    return watched


def measure_library(
    backbone: Backbone, texts: Iterator[str], *, segments: int, queries: int
) -> tuple[LibraryRow, list[Row]]:
    """Fill a library, open it, and search in it."""
    count = 2 * (queries + WARM_UP)
    made = clustered(segments, count, backbone.dim, segments_per_video=SEGMENTS_PER_VIDEO)
    with new_library() as library:
        filling_s = seconds(fill, library, backbone, made.vectors)
        searching = SearchEngine.for_library(library, backbone)
        indexing_s = seconds(searching.index.refresh)
        times = time_searches(searching, made.vectors, made.texts)
        times |= time_queries(searching, made.vectors, texts, count=min(queries, 40))
        times[SEQUENCE] = time_sequences(searching, texts, count=10)
        catalog_mb = (library.folder / "catalog.db").stat().st_size / 1e6
    rows = [
        Row(segments, part, queries, *(1000 * value for value in spread(taken)))
        for part, taken in times.items()
    ]
    return LibraryRow(segments, catalog_mb, filling_s, indexing_s), rows


def text_rows(times: Times) -> list[TextRow]:
    return [
        TextRow(how, len(taken), *(1000 * value for value in spread(taken)))
        for how, taken in times.items()
    ]


def figures_of(texts: list[TextRow], searches: list[Row]) -> list[Figure]:
    """How many times faster texts are encoded; and every search over plain FAISS."""
    shortened, whole = texts
    figures = [
        Figure(
            "text encoding: full length / shortened", whole.median_ms / shortened.median_ms, "≥ 3"
        )
    ]
    medians = {(row.segments, row.part): row.median_ms for row in searches}
    for segments in dict.fromkeys(row.segments for row in searches):
        ratio = medians[segments, SEARCH] / medians[segments, RAW]
        # With few vectors FAISS takes no time, and reading the catalog is what remains.
        target = "≤ 1.3" if segments >= 100_000 else ""
        figures.append(Figure(f"{SEARCH} / {RAW}, {segments} segments", ratio, target))
        asked = medians[segments, WHOLE_QUERY] / medians[segments, ENCODED]
        figures.append(Figure(f"{WHOLE_QUERY} / {ENCODED}, {segments}", asked, target))
        for name in FILTERED.values():
            filtered = medians[segments, name] / medians[segments, SEARCH]
            figures.append(
                Figure(f"{name} / all, {segments} segments", filtered, "≤ 1.5" if target else "")
            )
    return figures


def main() -> None:
    parser = parser_for(__doc__)
    add_model_options(parser)
    parser.add_argument("--sizes", type=numbers_in, default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=100, help="queries to each library (100)")
    parser.add_argument("--texts", type=int, default=60, help="texts to encode each way (60)")
    with benchmark("query", parser) as (options, report):
        backbone = chosen_backbone(options, usual="ViT-B-32")
        # What was encoded once is remembered: no text may come twice.
        new_texts = iter(short_texts(len(SUBJECTS) * len(DOINGS) * len(PLACES) * len(WAYS)))
        texts = text_rows(time_texts(backbone, new_texts, count=options.texts))
        report.show("Encoding a text", texts)
        measured = [
            measure_library(backbone, new_texts, segments=segments, queries=options.queries)
            for segments in options.sizes
        ]
        report.show("Libraries", [library for library, _ in measured])
        searches = [row for _, rows in measured for row in rows]
        report.show("Searching", searches)
        report.figures(figures_of(texts, searches))


if __name__ == "__main__":
    main()
