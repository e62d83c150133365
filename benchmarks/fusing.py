"""Fusing a whole library with another head: time and memory, without any video.

    python -m benchmarks.fusing                       100,000 segments of width 512 with each head
    python -m benchmarks.fusing --segments 10000      fewer
    python -m benchmarks.fusing --heads meanP         only that head

A library is filled with made-up embeddings, 24 frames a segment and 12 segments a video, 2.6 GB for
100,000 segments. There are no video files. Then each head fuses it in a process of its own, into a
space of its own. meanP computes next to nothing, so its time is that of reading and writing.

The peak is of the whole process, PyTorch included, which has "before" in use when it begins. The
vector index of the new space is built and saved at the end, and is part of time and peak.
"""

import os
import resource
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.measuring.indexing import filled_library
from benchmarks.measuring.memory import tiny_backbone
from benchmarks.measuring.options import parser_for
from benchmarks.measuring.processes import in_own_process, resident_bytes
from benchmarks.measuring.reporting import benchmark
from benchmarks.measuring.timing import timed
from models.heads.checkpoints import LoadedHead
from models.heads.config import LOOSE, HeadConfig
from models.heads.make import make_head
from models.identity import MEAN_POOLING, HeadIdentity
from search.catalog.spaces import active_space, choice_of, encoder_of
from search.catalog.store import Store
from search.fusing import LibraryFuser

_BEFORE = HeadIdentity("seqTransf", "another one")
_MB = 1e6


@dataclass(frozen=True)
class Row:
    """One head over the whole library. Memory is resident, of the process that fuses."""

    head: str
    segments: int
    clock_s: float
    processor_s: float
    segments_per_s: float
    before_mb: float
    peak_mb: float


def measure(library: Store, head: str) -> Row:
    """Fuse with a head of the usual size and random weights, in a fresh process."""
    with in_own_process(_fuse, library.folder, head) as messages:
        row: Row = messages.recv()
    return row


def _fuse(folder: Path, name: str, messages: Connection) -> None:
    with Store.open(folder) as library:
        with library.reading() as session:
            space = active_space(session)
        encoder = encoder_of(space) if space else None
        if space is None or encoder is None:
            raise RuntimeError("the library was not filled")
        fuser = LibraryFuser(
            library, _head(name, space.dim), encoder, choice_of(space), torch.device("cpu")
        )
        before = resident_bytes(os.getpid())
        timing, report = timed(
            lambda: fuser.run(on_progress=lambda *_: None, stop=threading.Event())
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    messages.send(
        Row(
            head=name,
            segments=report.fused,
            clock_s=timing.clock_s,
            processor_s=timing.processor_s,
            segments_per_s=report.fused / timing.clock_s,
            before_mb=before / _MB,
            peak_mb=peak / _MB,
        )
    )


def _head(name: str, dim: int) -> LoadedHead:
    head = make_head(HeadConfig(name, dim)).eval()
    digest = None if name == MEAN_POOLING else "random"
    return LoadedHead(head, None, HeadIdentity(name, digest), None)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--heads", type=lambda text: text.split(","), default=list(LOOSE))
    with benchmark("fusing", parser) as (options, report):
        with filled_library(tiny_backbone(), options.segments, head=_BEFORE) as library:
            rows = [measure(library, head) for head in options.heads]
        report.show("Fusing again", rows)


if __name__ == "__main__":
    main()
