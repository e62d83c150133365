"""Where FAISS computes: how many threads, and a GPU when there is one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss

logger = logging.getLogger(__name__)

# FAISS would take 1.5 GB of the GPU for scratch space, which the model needs more.
GPU_SCRATCH_BYTES = 64 * 2**20

# FAISS's own limit for results of a GPU search.
GPU_MAX_RESULTS = 2048


# With fewer vectors than this, waiting for the other threads costs more than they bring.
ROWS_WORTH_THREADS = 1000


@contextmanager
def threads_for(row_count: int) -> Iterator[None]:
    """Let FAISS work on the calling thread alone for few rows; no other caller feels it.

    FAISS wakes all its threads even for one query and waits for them. With both cores busy, as they
    are while indexing, that made a query of 3 ms one of 16 ms, and adding the 20 segments of a
    video to an ivf structure took 20 ms in place of 0.6 ms.
    """
    if row_count >= ROWS_WORTH_THREADS:
        yield
        return
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def gpu_copy(structure: Any) -> Any | None:  # FAISS has no types.
    """A copy on the first GPU to search in, or None where there is no GPU with room for it."""
    if faiss.get_num_gpus() == 0:
        return None
    resources = faiss.StandardGpuResources()
    resources.setTempMemory(GPU_SCRATCH_BYTES)
    try:
        return faiss.index_cpu_to_gpu(resources, 0, structure)
    except RuntimeError as error:
        logger.warning("Searching on the CPU: the vectors do not fit on the GPU (%s)", error)
        return None


@contextmanager
def reading_limits(size_bytes: int) -> Iterator[None]:
    """Let FAISS believe no length in a file that is above the size of the file."""
    byte_limit = faiss.get_deserialization_vector_byte_limit()
    loop_limit = faiss.get_deserialization_loop_limit()
    faiss.set_deserialization_vector_byte_limit(size_bytes)
    faiss.set_deserialization_loop_limit(size_bytes)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(byte_limit)
        faiss.set_deserialization_loop_limit(loop_limit)
