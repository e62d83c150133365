"""What the kill tests run in a process of its own: one indexing run, noting what it decodes."""

import os
from pathlib import Path

import torch

from indexer.registration import PathToIndex
from search.catalog.store import Store
from tests.tiny import Notes, index, tiny_backbone


class NotesOnDisk(Notes):
    """Notes that survive the writer's death."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def on_frames(self, job: PathToIndex, frames: int, fraction: float) -> None:
        os.write(self._descriptor, f"{job.path.name}\n".encode())


def run(library: Path, videos: Path, notes: Path) -> None:
    """Index a folder to its end, if nobody stops us."""
    torch.set_num_threads(1)
    with Store.open(library, create=True) as opened:
        index(opened, videos, backbone=tiny_backbone(), notes=NotesOnDisk(notes))
