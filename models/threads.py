"""How many threads torch works with, and how they wait."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work with a single thread inside the block.

    Drawing is made of many small operations. On busy cores two threads wait for each other at
    each of them: a batch of stills then took 0.9 s instead of 0.07 s.
    """
    import torch  # dear, and who only asks for help needs none of it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def wait_without_spinning() -> None:
    """Let torch's threads sleep while they wait for each other; call it before torch is loaded.

    Drawing is made of many small operations. Beside other work on two cores, 57 sketches took
    204 s with threads that spin, and 39 s with threads that sleep.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def start_without_spinning() -> None:
    """Let NumPy's threads sleep at once where they have nothing to do; call it before NumPy loads.

    Else each spins for as long as a tenth of a search in the shell takes.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2⁴ rounds of waiting; usually 2²⁶
