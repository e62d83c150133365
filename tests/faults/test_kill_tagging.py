"""kill -9 while a library is tagged anew: all tags are the old ones or all are the new ones."""

import signal
import time
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from search.catalog.store import Store
from search.catalog.tables import SegmentEmbedding
from search.catalog.tag_tables import Label, SegmentTag
from search.tags.corrections import say
from search.tags.reading import active_vocabulary, tags_of
from tests.faults.forks import forks_of
from tests.faults.tagging_child import MOMENTS, run
from tests.search.finding.test_engine import Shelf
from tests.search.planted import LABELS, plan, tag
from tests.tiny import tiny_backbone

VIDEOS = 36
SEGMENTS = 2  # of a video


@pytest.fixture(scope="module")
def processes() -> Any:
    return forks_of("tests.faults.tagging_child")


def fill(library: Store) -> None:
    """A library with a person's word, tagged with the old labels; a part of it came later."""
    shelf = Shelf(library, tiny_backbone())
    generator = np.random.default_rng(3)
    for number in range(VIDEOS):
        if number == VIDEOS // 3:
            tag(library, shelf.backbone, plan(LABELS, name="old", min_probability=0.01))
        frames = generator.standard_normal((SEGMENTS, 4, 24)).astype(np.float32)
        shelf.put(f"/v/{number}.mp4", *frames)
    with library.writing() as session:
        say(session, 1, "juggling", holds=True)


def state(library: Store) -> tuple[str, list[tuple[int, str, float, bool]]]:
    """The vocabulary, and all tags."""
    with library.reading() as session:
        vocabulary = active_vocabulary(session)
        rows = session.execute(
            select(SegmentTag.segment_id, Label.text, SegmentTag.probability, SegmentTag.kept)
            .join(Label, Label.id == SegmentTag.label_id)
            .order_by(SegmentTag.segment_id, Label.text)
        )
        return vocabulary.name, [tuple(row) for row in rows]


def embeddings(library: Store) -> int:
    with library.reading() as session:
        return session.scalar(select(func.count(SegmentEmbedding.segment_id)))


def test_killed_at_any_moment_the_old_tags_stand_until_the_new_ones_are_whole(processes, tmp_path):
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library)
        before, fused = state(library), embeddings(library)
        assert before[0] == "old"
        for moment in MOMENTS:
            assert tagged_anew(processes, library, moment) == -signal.SIGKILL
            assert state(library) == before, moment
            assert embeddings(library) >= fused, "what was fused is kept"
            fused = embeddings(library)
        assert fused == 2 * SEGMENTS * VIDEOS
        assert tagged_anew(processes, library) == 0
        after = state(library)
        with library.reading() as session:
            assert "juggling" in [tag.label for tag in tags_of(session, [1])[1]]
    with Store.open(tmp_path / "undisturbed", create=True) as other:
        fill(other)
        assert tagged_anew(processes, other) == 0
        assert_equal(after, state(other))


def tagged_anew(processes: Any, library: Store, moment: str | None = None) -> int | None:
    """The exit code of a run in a process of its own."""
    process = processes.Process(target=run, args=(library.folder, moment))
    process.start()
    process.join()
    return process.exitcode


def assert_equal(found: Any, expected: Any) -> None:
    assert found[0] == expected[0] == "new"
    for (segment, label, probability, kept), other in zip(found[1], expected[1], strict=True):
        assert (segment, label, pytest.approx(probability, abs=1e-3), kept) == other


def test_two_processes_do_not_tag_at_once(processes, tmp_path):
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library)
        both = [processes.Process(target=run, args=(library.folder,)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert 0 in [process.exitcode for process in both]
        name, tags = state(library)
        assert name == "new"
        assert {row[0] for row in tags} == set(range(1, SEGMENTS * VIDEOS + 1))


def test_people_may_correct_while_a_library_is_tagged(processes, tmp_path):
    with Store.open(tmp_path / "library", create=True) as library:
        fill(library)
        process = processes.Process(target=run, args=(library.folder,))
        process.start()
        said = []
        while process.is_alive():
            segment = len(said) % (SEGMENTS * VIDEOS) + 1
            with library.writing() as session:
                say(session, segment, "juggling", holds=True)
            said.append(segment)
            time.sleep(0.01)  # who waits for SQLite's lock does not queue
        process.join()
        assert (process.exitcode, state(library)[0]) == (0, "new")
        with library.reading() as session:
            tags = tags_of(session, said)
        assert all("juggling" in [tag.label for tag in found] for found in tags.values())
