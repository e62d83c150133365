"""A disk that is full or broken costs nothing but the run.

The long run is `python -m benchmarks.reliability.disks`.
"""

import errno

import pytest

from benchmarks.reliability.disks import FAULTS
from benchmarks.reliability.failing_disk import Calls
from benchmarks.reliability.verbs import verb_named

_BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        (
            "index again",
            (
                "bad reads of videos",
                "bad reads of videos, from one on",
                "bad reads of the library, from one on",
                "bad writes",
                "no space, from one on",
            ),
        ),
        ("remove", ("bad writes", "no space, from one on", "bad reads of the library")),
        ("tag", ("bad writes, from one on", "no space, once")),
        ("sketch", ("bad reads of videos",)),
    ],
)
def test_nothing_is_lost_and_the_same_again_ends_as_if_undisturbed(bench, name, faults):
    verb = verb_named(name)
    usual = bench.undisturbed(verb)
    for fault in map(_BY_NAME.get, faults):
        calls = bench.calls(verb, fault)
        assert calls > 0
        assert bench.failing(verb, fault, 1 + calls // 2, usual) == [], fault.name


def test_a_disk_fails_at_the_call_that_was_named(bench):
    case = bench.cases.restore(indexed=True)
    bench.disk.fail(case.library, Calls.OPEN | Calls.READ, 1, error=errno.EIO, ever=True)
    ended = bench.warm.run(["status", "-l", case.library])
    assert bench.disk.failed > 0
    bench.disk.heal()
    assert (ended.code, ended.out) == (1, "")
    assert bench.warm.run(["status", "-l", case.library]).code == 0
