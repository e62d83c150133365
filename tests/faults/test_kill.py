"""kill -9 at any moment costs nothing but the video that was being worked on."""

import random
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from search.catalog.embeddings import unpack
from search.catalog.tables import SegmentEmbedding, SegmentFrames, Video, VideoPath
from search.library import Library
from tests.corpus import shots, write_clip
from tests.faults.forks import forks_of
from tests.faults.indexing_child import run
from tests.tiny import tiny_backbone

KILLS = 20
VIDEOS = 16


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(VIDEOS):
        write_clip(folder / f"{number:02d}.mp4", shots([20 + number, 30 + 2 * number]))
    broken = (folder / "00.mp4").read_bytes()[:300]
    (folder / "broken.mp4").write_bytes(broken)
    return folder


@pytest.fixture(scope="module")
def processes() -> Any:
    return forks_of("tests.faults.indexing_child")


@pytest.fixture(scope="module")
def undisturbed(videos: Path, processes: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The state that a run which nobody disturbs ends in, and how long it took.

    The second of two runs is timed: the first one waits for the server that all are forked from.
    """
    for name in ("first", "second"):
        folder = tmp_path_factory.mktemp(name)
        started = time.monotonic()
        process = processes.Process(target=run, args=(folder, videos, folder / "notes"))
        process.start()
        process.join()
        assert process.exitcode == 0
    return state(folder), time.monotonic() - started


def state(folder: Path) -> dict[str, Any]:
    """All that the catalog says, free of ids and of when it happened."""
    with Library.open(folder) as library, library.reading() as session:
        files = {
            row.path.name: (row.status, row.reason, row.attempts)
            for row in session.scalars(select(VideoPath))
        }
        videos = {}
        for video in session.scalars(select(Video)):
            segments = [
                (segment.start_s, segment.end_s, segment.keyframe_s, segment.frames.times_s)
                for segment in sorted(video.segments, key=lambda segment: segment.position)
            ]
            videos[video.content_hash] = (video.duration_s, video.frames_sampled, segments)
        return {"files": files, "videos": videos, "vectors": vectors(session)}


def vectors(session: Any) -> np.ndarray:
    """All frame and segment embeddings, in the order of their videos' content."""
    rows = session.execute(
        select(SegmentFrames.embeddings, SegmentEmbedding.embedding)
        .join(SegmentEmbedding, SegmentEmbedding.segment_id == SegmentFrames.segment_id)
        .join(SegmentFrames.segment)
        .join(Video)
        .order_by(Video.content_hash, "position")
    ).all()
    return unpack([blob for row in rows for blob in row], 24)


def finished(folder: Path) -> set[str]:
    """The names of the files whose video is committed."""
    if not (folder / "catalog.db").exists():
        return set()
    connection = sqlite3.connect(f"file:{folder / 'catalog.db'}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT path FROM paths WHERE status = 'indexed'").fetchall()
    except sqlite3.OperationalError:  # killed before the tables were made
        rows = []
    finally:
        connection.close()
    return {Path(path.decode()).name for (path,) in rows}


def test_killed_twenty_times_the_library_ends_as_if_undisturbed(
    videos, processes, undisturbed, tmp_path
):
    expected, length_s = undisturbed
    chance = random.Random(11)
    library = tmp_path / "library"
    killed = 0
    notes_before: set[str] = set()
    for attempt in range(200):
        done_before = finished(library)
        notes = tmp_path / f"notes-{attempt}"
        process = processes.Process(target=run, args=(library, videos, notes))
        process.start()
        process.join(chance.uniform(0.05, 0.35) * length_s if killed < KILLS else None)
        if process.is_alive():
            process.kill()
            process.join()
        killed += process.exitcode == -signal.SIGKILL
        assert process.exitcode in (0, -signal.SIGKILL)
        decoded = set(notes.read_text().split()) if notes.exists() else set()
        assert decoded & done_before == set(), "a finished video was decoded again"
        notes_before |= decoded
        if process.exitcode == 0 and killed >= KILLS:
            break
        if process.exitcode == 0:  # it finished early: take videos away, and go on a little faster
            forget_some(library, chance)
            length_s *= 0.9
    assert killed == KILLS
    assert notes_before == {f"{number:02d}.mp4" for number in range(VIDEOS)}
    found = state(library)
    assert found["files"] == expected["files"]
    assert found["videos"] == expected["videos"]
    np.testing.assert_allclose(found["vectors"], expected["vectors"], atol=0.02)


def forget_some(library: Path, chance: random.Random) -> None:
    """Remove half of the videos, so that the next run has something to do."""
    from search.catalog.writing import remove_paths

    with Library.open(library) as opened, opened.writing() as session:
        paths = [path for path in session.scalars(select(VideoPath.path)) if path.stem != "broken"]
        for path in chance.sample(sorted(paths), k=len(paths) // 2):
            remove_paths(session, path)


def test_a_killed_library_answers_at_once(videos, processes, tmp_path):
    library = tmp_path / "library"
    process = processes.Process(target=run, args=(library, videos, tmp_path / "notes"))
    process.start()
    while process.is_alive() and len(finished(library)) < 3:
        time.sleep(0.02)
    process.kill()
    process.join()
    done = finished(library)
    assert done
    with Library.open(library) as opened:
        hits = opened.engine(tiny_backbone()).search("anything", k=50)
    assert {path.name for hit in hits for path in hit.paths} == done
