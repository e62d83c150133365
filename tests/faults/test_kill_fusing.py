"""kill -9 while a library is fused: searches stay as they were, and a second run goes on."""

import random
import signal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from search.catalog.spaces import active_space
from search.catalog.store import Store
from search.catalog.tables import SegmentEmbedding
from tests.faults.forks import forks_of
from tests.faults.fusing_child import run
from tests.search.finding.test_engine import Shelf
from tests.search.test_fusing import all_embeddings, fuse, vectors
from tests.tiny import save_tiny_head, tiny_backbone

KILLS = 8
VIDEOS = 80
SEGMENTS = 2  # of a video


@pytest.fixture(scope="module")
def processes() -> Any:
    return forks_of("tests.faults.fusing_child")


def fill(library: Store) -> None:
    shelf = Shelf(library, tiny_backbone())
    generator = np.random.default_rng(3)
    for number in range(VIDEOS):
        frames = generator.standard_normal((SEGMENTS, 4, 24)).astype(np.float32)
        shelf.put(f"/v/{number}.mp4", *frames)


def test_killed_again_and_again_the_old_space_serves_until_the_new_one_is_whole(
    processes, tmp_path
):
    head_file = save_tiny_head(tmp_path / "head.safetensors", tiny_backbone())
    chance = random.Random(7)
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library)
        before = vectors(library)
        fused = 0
        for _ in range(KILLS):
            kill_at = fused + chance.randint(1, (len(before) - fused) // 8)
            arguments = (library.folder, head_file, kill_at, chance.uniform(0, 0.002))
            process = processes.Process(target=run, args=arguments)
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            found = all_embeddings(library) - len(before)
            assert kill_at <= found < len(before), "what was fused is kept"
            assert found % SEGMENTS == 0, "a video is in a space wholly or not at all"
            fused = found
            assert_equal(vectors(library), before)
        report = fuse(library, tiny_backbone(), head_file)
        assert (report.already_there, report.fused) == (fused, len(before) - fused)
        after = vectors(library)
    with Store.open(tmp_path / "undisturbed", create=True) as other:
        fill(other)
        fuse(other, tiny_backbone(), head_file)
        assert_equal(after, vectors(other))


def assert_equal(found: dict[int, np.ndarray], expected: dict[int, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for segment, embedding in expected.items():
        np.testing.assert_allclose(found[segment], embedding, atol=1e-3)


def test_two_processes_do_not_fuse_at_once(processes, tmp_path):
    head_file = save_tiny_head(tmp_path / "head.safetensors", tiny_backbone())
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library)
        both = [processes.Process(target=run, args=(library.folder, head_file)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert 0 in [process.exitcode for process in both]
        with library.reading() as session:
            space = active_space(session)
            count = select(func.count()).where(SegmentEmbedding.space_id == space.id)
            assert (space.head, session.scalar(count)) == ("seqTransf", SEGMENTS * VIDEOS)
