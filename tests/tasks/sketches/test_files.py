"""Pictures of stored sketches: made when they are asked for, and deleted when nobody needs them."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from search.catalog.sketches import StoredSketch
from search.catalog.store import Store
from tasks.sketches import files
from tasks.sketches.files import drop_stale_files, ensure_sketch, write_usual_files
from tasks.sketches.records import animation_to_store, to_store
from tests.tasks.sketches.drawings import sketch

DRAWN_AT = datetime(2024, 5, 6, 7, 8, 9)  # in UTC


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A library of which only segment 7 has a sketch, and no video lies anywhere."""
    stored = replace(to_store(sketch()), drawn_at=DRAWN_AT)

    def stored_of(_session: Session, segment_id: int) -> StoredSketch | None:
        return stored if segment_id == 7 else None

    monkeypatch.setattr(files, "read_sketch", stored_of)
    monkeypatch.setattr(
        files, "read_drawn_at", lambda _session, number: DRAWN_AT if number == 7 else None
    )
    monkeypatch.setattr(files, "sketched_ids", lambda _session: [7])
    return Store.open(tmp_path / "library", create=True)


def test_a_file_carries_the_time_of_its_sketch_and_is_made_once(library):
    file = ensure_sketch(library, 7, "svg")
    assert file == library.sketch_file(7, "svg")
    assert b"segment 7" in file.read_bytes()
    drawn_s = DRAWN_AT.replace(tzinfo=UTC).timestamp()
    assert file.stat().st_mtime == drawn_s
    file.write_bytes(b"kept")
    for off_s, content in ((0.0009, b"kept"), (-0.0009, b"kept")):
        os.utime(file, (drawn_s + off_s,) * 2)
        ensure_sketch(library, 7, "svg")
        assert file.read_bytes() == content
    for off_s in (0.002, -0.002):
        file.write_bytes(b"old")
        os.utime(file, (drawn_s + off_s,) * 2)
        ensure_sketch(library, 7, "svg")
        assert file.read_bytes() != b"old"


def test_without_a_sketch_there_is_no_file(library):
    assert ensure_sketch(library, 8, "svg") is None
    assert not library.sketch_file(8, "svg").exists()


def test_without_an_animation_only_its_drawing_can_be_played(library):
    playing, still = (ensure_sketch(library, 7, kind) for kind in ("animated.svg", "svg"))
    assert playing.read_bytes() != still.read_bytes()
    assert b"animat" in playing.read_bytes()
    assert ensure_sketch(library, 7, "webp") is None
    assert ensure_sketch(library, 7, "mp4") is None


def test_an_animation_moves_in_all_of_its_forms(library, monkeypatch):
    frames = [sketch().strokes, sketch().strokes.take([1, 0])]
    moving = animation_to_store(frames, np.array([1.0, 2.0]))
    stored = replace(to_store(sketch()), drawn_at=DRAWN_AT, animation=moving)
    monkeypatch.setattr(files, "read_sketch", lambda _session, _number: stored)
    still = ensure_sketch(library, 7, "svg").read_bytes()
    assert ensure_sketch(library, 7, "animated.svg").read_bytes() != still
    assert ensure_sketch(library, 7, "webp").read_bytes()[8:12] == b"WEBP"
    assert ensure_sketch(library, 7, "mp4").read_bytes()[4:8] == b"ftyp"


def test_the_usual_files_are_two(library):
    write_usual_files(library, [7, 8])
    names = sorted(file.name for file in library.sketches_folder.glob("*/*"))
    assert names == ["7.png", "7.svg"]
    assert ensure_sketch(library, 7, "png").read_bytes()[:4] == b"\x89PNG"


def test_files_of_no_sketch_and_old_drafts_are_deleted(library, monkeypatch):
    folder = library.sketch_file(7, "svg").parent
    folder.mkdir(parents=True)
    for name in ("7.svg", "7.animated.svg", "8.svg", "70.svg", "7.1.tmp", "8.1.tmp"):
        (folder / name).touch()
    made_s = (folder / "7.1.tmp").stat().st_ctime
    now = time.time

    def after(seconds: float) -> set[str]:
        monkeypatch.setattr(files.time, "time", lambda: made_s + seconds)
        drop_stale_files(library)
        monkeypatch.setattr(files.time, "time", now)
        return {file.name for file in folder.iterdir()}

    assert after(59.0) == {"7.svg", "7.animated.svg", "7.1.tmp"}
    assert after(60.5) == {"7.svg", "7.animated.svg"}
