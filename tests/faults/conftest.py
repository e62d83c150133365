"""A library to which anything may be done, in processes that begin at once."""

from collections.abc import Iterator

import pytest

from benchmarks.reliability.disks import DiskBench
from tests.programs import needed


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiskBench]:
    """It kills verbs and lets disks fail, and says what is wrong afterwards."""
    one = DiskBench(tmp_path_factory.mktemp("bench"), needed("cc"))
    with one.warm:
        yield one
