"""What the kill tests run in a process of its own: fusing a library, until it kills itself."""

import os
import signal
import threading
from pathlib import Path

import torch

from search import fusing
from search.catalog.store import Store
from search.fusing import LibraryFuser
from tests.tiny import tiny_backbone, tiny_head


def run(library: Path, head_file: Path, kill_at: int | None = None, delay_s: float = 0.0) -> None:
    """Fuse in small steps; kill -9 comes so long after `kill_at` segments are done."""
    torch.set_num_threads(1)
    fusing._SEGMENTS_AT_ONCE = 1  # many moments to be killed at
    backbone = tiny_backbone()
    head = tiny_head(backbone, head_file)

    def on_progress(done: int, _total: int) -> None:
        nonlocal kill_at
        if kill_at is not None and done >= kill_at:
            kill_at = None
            threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGKILL)).start()

    with Store.open(library) as opened:
        fuser = LibraryFuser(opened, head, backbone.identity, backbone.choice, torch.device("cpu"))
        fuser.run(on_progress=on_progress, stop=threading.Event())
