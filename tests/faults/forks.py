"""Processes that start in no time, to be killed."""

import multiprocessing
from multiprocessing.context import ForkServerContext


def forks_of(module: str) -> ForkServerContext:
    """A context whose server imports `module` once: each process is a quick fork of it, with a
    clean state."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
