from benchmarks.measuring.timing import spread, timed


def test_a_timed_call_gets_its_arguments_and_gives_its_result():
    timing, result = timed(divmod, 7, 3)
    assert result == (2, 1)
    assert timing.clock_s >= 0


def test_spread_is_smallest_median_and_largest():
    assert spread([5.0, 1.0, 2.0]) == (1.0, 2.0, 5.0)
    assert spread(iter([4.0, 1.0, 2.0, 3.0])) == (1.0, 2.5, 4.0)
