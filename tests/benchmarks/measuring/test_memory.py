from benchmarks.measuring.memory import row_of

MB = 1_000_000


def test_growth_is_between_the_first_and_the_last_quarter():
    resident = [100 * MB, 110 * MB, 120 * MB, 500 * MB, 130 * MB, 130 * MB, 140 * MB, 150 * MB]
    row = row_of("indexing", resident)
    assert row.first_quarter_mb == 105
    assert row.last_quarter_mb == 145
    assert row.growth_mb == 40
    assert row.peak_mb == 500


def test_time_without_the_process_does_not_count():
    row = row_of("decoding", [0, 0, 0, 0, 200 * MB, 210 * MB, 0, 0])
    assert row.first_quarter_mb == 200
    assert row.last_quarter_mb == 210
