import pytest

from benchmarks.query import (
    ASKED,
    ENCODED,
    FILTERED,
    PARTS,
    REST,
    SEARCH,
    WHOLE_QUERY,
    TextRow,
    figures_of,
    measure_library,
    short_texts,
    time_texts,
)
from benchmarks.query import Row as SearchRow
from models.clip.backbone import load_backbone
from models.clip.sources import choose_model
from tests.tiny import tiny_backbone


def test_texts_are_all_different():
    texts = short_texts(1000)
    assert len(set(texts)) == 1000


def test_texts_are_encoded_both_ways_as_often():
    times = time_texts(load_backbone(choose_model("bundled")), iter(short_texts(16)), count=3)
    assert [len(taken) for taken in times.values()] == [3, 3]


def test_a_filled_library_is_searched_and_every_part_is_timed():
    library, rows = measure_library(
        tiny_backbone(), iter(short_texts(40)), segments=3 * ASKED, queries=3
    )
    assert library.segments == 120
    assert {row.part for row in rows} >= {*PARTS, REST, SEARCH}
    assert all(row.median_ms > 0 for row in rows if row.part in PARTS)


def test_figures_compare_medians_and_only_large_libraries_have_a_target():
    texts = [TextRow("short", 5, 1, 2, 3), TextRow("full", 5, 7, 8, 9)]
    searches = [
        SearchRow(size, part, 5, 1, median_ms, 9)
        for size, part, median_ms in (
            (10_000, "search_vector", 6.0),
            (10_000, "plain FAISS", 2.0),
            (100_000, "search_vector", 6.0),
            (100_000, "plain FAISS", 5.0),
            *((size, part, 9.0) for size in (10_000, 100_000) for part in FILTERED.values()),
            *((size, WHOLE_QUERY, 22.0) for size in (10_000, 100_000)),
            *((size, ENCODED, 20.0) for size in (10_000, 100_000)),
        )
    ]
    figures = figures_of(texts, searches)
    values = [4.0, 3.0, 1.1, 1.5, 1.5, 1.2, 1.1, 1.5, 1.5]
    assert [figure.value for figure in figures] == pytest.approx(values)
    targets = ["≥ 3", "", "", "", "", "≤ 1.3", "≤ 1.3", "≤ 1.5", "≤ 1.5"]
    assert [figure.target for figure in figures] == targets
