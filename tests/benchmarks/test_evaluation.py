from benchmarks.evaluation import Row, figures_of, measure


def test_every_way_of_ranking_is_measured():
    rows = measure(300)
    assert [row.ranking for row in rows] == [
        "text → video",
        "video → text",
        "dual softmax, text → video",
    ]
    assert all(row.clock_s > 0 and row.memory_mb >= 0 for row in rows)
    assert rows[0].all_scores_mb == 0.36


def test_figures_are_those_of_the_slower_plain_ranking():
    rows = [
        Row("2 × 2", "text → video", 9.0, 3.0, 2.0, 10.0, 40.0),
        Row("2 × 2", "video → text", 5.0, 4.0, 2.0, 20.0, 40.0),
        Row("2 × 2", "dual softmax, text → video", 9.0, 9.0, 2.0, 40.0, 40.0),
    ]
    assert [figure.value for figure in figures_of(rows)] == [2.0, 0.5]
