from benchmarks.browsing import measure
from tests.tiny import tiny_backbone


def test_pages_and_the_map_are_timed():
    rows = measure(tiny_backbone(), segments=120, times=2)

    assert [row.part for row in rows] == [
        "first page",
        "page in the middle",
        "last page",
        "map, opened",
        "map, one cell further",
    ]
    assert all(row.worst_ms >= row.median_ms > 0 for row in rows)
