"""How long something takes, by the clock and in processor time, and what other programs take."""

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Timing:
    """Time by the clock, and processor time summed over all cores and our own processes.

    The second hardly feels what other programs do. Child processes count once they have ended.
    """

    clock_s: float
    processor_s: float


def timed(function: Callable[..., Result], *arguments: Any) -> tuple[Timing, Result]:
    """How long a call takes, and what it returns."""
    processor_s, clock_s = _own_s(), time.perf_counter()
    result = function(*arguments)
    return Timing(time.perf_counter() - clock_s, _own_s() - processor_s), result


def seconds(function: Callable[..., object], *arguments: Any) -> float:
    """How long a call takes by the clock."""
    return timed(function, *arguments)[0].clock_s


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """The smallest, the median and the largest of the values."""
    known = sorted(values)
    return known[0], statistics.median(known), known[-1]


class OtherPrograms:
    """How much of the machine other programs have taken since this was made."""

    def __init__(self) -> None:
        self._start = (_busy_s(), _own_s(), time.monotonic())

    def cores(self) -> float | None:
        """How many cores they kept busy on average; None where the system does not say."""
        busy_s, own_s, start_s = self._start
        busy_now_s = _busy_s()
        if busy_s is None or busy_now_s is None:
            return None
        others_s = (busy_now_s - busy_s) - (_own_s() - own_s)
        return max(0.0, others_s) / (time.monotonic() - start_s)


def _own_s() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _busy_s() -> float | None:
    """Processor time that all programs together have used since the machine started."""
    try:
        total = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts = map(int, total[1:8])
    ticks = user + nice + system + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")
