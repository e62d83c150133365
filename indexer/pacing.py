"""How many decoding processes a run has: one more where its model waits and a core is idle."""

import os
import time
from collections.abc import Callable
from pathlib import Path

# Long enough that a file that is quickly read, or slowly, decides nothing.
_WINDOW_S = 10.0
# Of the time, spent waiting for frames: below this it is the model that holds things up.
_WAITING = 0.3
_IDLE_CORES = 0.5
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Pace:
    """Looks at a run from time to time. most: decoding processes that it may have"""

    def __init__(
        self,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_s: Callable[[], float] | None = None,
    ) -> None:
        self._most = most
        self._clock = clock
        self._idle_s = idle_s or idle_core_seconds
        self._begin(0.0)

    def wants_one_more(self, running: int, waited_s: float) -> bool:
        """Whether another decoding process would be of use.

        running: those that there are; waited_s: how long the model has waited since the beginning
        """
        took_s = self._clock() - self._began_s
        if took_s < _WINDOW_S:
            return False
        waiting = (waited_s - self._waited_s) / took_s
        idle_cores = (self._idle_s() - self._idle_began_s) / took_s
        self._begin(waited_s)
        return running < self._most and waiting >= _WAITING and idle_cores >= _IDLE_CORES

    def _begin(self, waited_s: float) -> None:
        self._began_s = self._clock()
        self._waited_s = waited_s
        self._idle_began_s = self._idle_s()


def idle_core_seconds() -> float:
    """How long the cores that this process may use have had nothing to do, since some moment.

    0 where the system does not tell: then nothing seems to be idle.
    """
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    except (OSError, AttributeError):  # no Linux
        return 0.0
    cores = (line.split() for line in lines if line.startswith("cpu"))
    # Idle, and idle while a disk is waited for.
    return sum(int(one[4]) + int(one[5]) for one in cores if one[0] in ours) / _TICK
