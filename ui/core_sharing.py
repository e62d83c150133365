"""Being a good neighbour on busy processors."""

import os


def wait_without_spinning() -> None:
    """Let torch's threads sleep while they wait for each other; call it before torch is loaded.

    Drawing is made of many small operations. Beside other work on two cores, 57 sketches took
    204 s with threads that spin, and 39 s with threads that sleep.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
