"""One decoding process more is taken on where the model waits and a core is idle."""

import pytest

from indexer import pacing
from indexer.pacing import Pace, idle_core_seconds


class Machine:
    """Time, and what its cores have not done."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.idle_s = 40.0

    def pace(self, most: int) -> Pace:
        return Pace(most, clock=lambda: self.now_s, idle_s=lambda: self.idle_s)

    def let_pass(self, seconds: float, *, idle_cores: float) -> None:
        self.now_s += seconds
        self.idle_s += seconds * idle_cores


@pytest.mark.parametrize(
    ("took_s", "idle_cores", "waited_s", "running", "wanted"),
    [
        (10.0, 0.5, 3.0, 1, True),
        (9.9, 2.0, 9.9, 1, False),  # too soon to tell
        (10.0, 0.4, 9.0, 1, False),  # the cores are busy
        (10.0, 1.5, 2.9, 1, False),  # the model is
        (10.0, 1.5, 9.0, 2, False),  # there are as many as there may be
    ],
)
def test_one_more_is_wanted_where_it_would_be_of_use(took_s, idle_cores, waited_s, running, wanted):
    machine = Machine()
    pace = machine.pace(2)
    machine.let_pass(took_s, idle_cores=idle_cores)
    assert pace.wants_one_more(running, waited_s) is wanted


def test_each_look_is_at_the_time_since_the_one_before():
    machine = Machine()
    pace = machine.pace(8)
    machine.let_pass(10, idle_cores=1)
    assert pace.wants_one_more(1, 9.0)
    machine.let_pass(5, idle_cores=1)
    assert not pace.wants_one_more(2, 14.0)
    machine.let_pass(5, idle_cores=1)
    assert not pace.wants_one_more(2, 9.0 + 2.9)
    machine.let_pass(10, idle_cores=0.4)
    assert not pace.wants_one_more(2, 9.0 + 2.9 + 9.0)
    machine.let_pass(10, idle_cores=0.6)
    assert pace.wants_one_more(2, 9.0 + 2.9 + 9.0 + 3.0)


def test_only_the_cores_that_this_process_may_use_are_looked_at(monkeypatch, tmp_path):
    told = tmp_path / "stat"
    told.write_text(
        "cpu  1 2 3 1000 500 0 0 0 0 0\n"
        "cpu0 1 2 3 300 50 6 7 8 0 0\n"
        "cpu1 1 2 3 500 60 6 7 8 0 0\n"
        "cpu10 1 2 3 7000 60 6 7 8 0 0\n"
        "intr 5 6\n"
    )
    monkeypatch.setattr(pacing, "Path", lambda _: told)
    monkeypatch.setattr(pacing.os, "sched_getaffinity", lambda _: {1}, raising=False)
    monkeypatch.setattr(pacing, "_TICK", 100)
    assert idle_core_seconds() == pytest.approx(5.6)
    monkeypatch.setattr(pacing.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert idle_core_seconds() == pytest.approx(9.1)
    told.unlink()
    assert idle_core_seconds() == 0.0
