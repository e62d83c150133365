"""Moments and whole libraries turned into strokes, by a maker that draws at once."""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.errors import KinodexError
from search.catalog.places import SegmentPlace, place_segments
from search.catalog.settings import SketchSettings
from search.catalog.sketches import StoredAnimation, read_sketch, sketched_ids
from search.catalog.store import Store
from sketch.canvas import Target
from sketch.strokes import Drawing
from tasks.sketches import library as sketching
from tasks.sketches import moments, run
from tasks.sketches.library import LibrarySketcher, SketchingListener, SketchReport, _in_batches
from tasks.sketches.maker import SketchMaker
from tasks.sketches.moments import MomentSketcher, find_places, name_of
from tasks.sketches.products import FinishedSketch
from tasks.sketches.records import animation_to_store
from tasks.sketches.request import Products
from tasks.sketches.run import exit_code
from tests.tasks.sketches.drawings import drawing, place
from tests.tiny import tiny_backbone


class Maker:
    """Draws two strokes of anything."""

    weighs_evidence = False
    settings = SimpleNamespace(mask="none")

    def __init__(self, *, seed: int = 1) -> None:
        settings = SketchSettings(seed=seed)
        self.recipe = SketchMaker(tiny_backbone(), settings).recipe
        self.sizes: list[int] = []
        self.records: list[int] = []

    def draw(
        self,
        targets: Sequence[Target],
        *,
        stop: threading.Event,
        on_progress: Callable[[float], None],
        record: int = 0,
    ) -> list[Drawing]:
        self.sizes.append(len(targets))
        self.records.append(record)
        for part in (0.5, 0.25):
            on_progress(part)
        return [drawing() for _ in targets]


@pytest.fixture
def library(shared_library: Path, tmp_path: Path) -> Iterator[Store]:
    with Store.open(shutil.copytree(shared_library, tmp_path / "library")) as library:
        yield library


@pytest.fixture
def places(library: Store) -> list[SegmentPlace]:
    with library.reading() as session:
        return place_segments(session, [1, 2, 3])


class Moments:
    """What came of some segments."""

    def __init__(
        self,
        library: Store,
        places: Sequence[SegmentPlace],
        *,
        products: Products | None = None,
        folder: Path | None = None,
        stopped: bool = False,
        redo: bool = False,
    ) -> None:
        self.maker: Any = Maker()
        self.progress: list[tuple[float, int]] = []
        self.stop = threading.Event()
        if stopped:
            self.stop.set()
        sketcher = MomentSketcher(
            library,
            self.maker,
            products or Products(),
            folder,
            self.stop,
            lambda done, total: self.progress.append((done, total)),
            **({"redo": True} if redo else {}),
        )
        self.finished: list[FinishedSketch] = list(sketcher.run(places))


def stored(library: Store) -> list[int]:
    with library.reading() as session:
        return list(sketched_ids(session))


def test_moments_are_drawn_one_by_one_and_only_once(library, places):
    first = Moments(library, places[:2])
    assert first.maker.sizes == [1, 1]
    assert first.maker.records == [0, 0]
    assert first.progress == [
        (0, 2), (0.5, 2), (0.25, 2), (1, 2), (1.5, 2), (1.25, 2), (2, 2),
    ]  # fmt: skip
    assert [one.segment for one in first.finished] == [1, 2]
    assert [one.name for one in first.finished] == [name_of(one) for one in places[:2]]
    assert [list(one.files) for one in first.finished] == [["svg"], ["svg"]]
    assert first.finished[0].files["svg"] == library.sketch_file(1, "svg")
    assert stored(library) == [1, 2]
    again = Moments(library, places)
    assert again.maker.sizes == [1]
    assert [one.segment for one in again.finished] == [1, 2, 3]
    assert Moments(library, places, redo=True).maker.sizes == [1, 1, 1]


def test_a_stopped_run_stores_nothing(library, places):
    run = Moments(library, places, stopped=True)
    assert (run.finished, stored(library)) == ([], [])
    assert run.progress == [(0, 3), (0.5, 3), (0.25, 3)]


def test_files_are_copied_into_a_folder_under_the_name_of_their_moment(library, places, tmp_path):
    run = Moments(library, places[:1], products=Products(png=True), folder=tmp_path)
    [one] = run.finished
    assert {kind: file.name for kind, file in one.files.items()} == {
        "svg": "a@0-00.5.sketch.svg",
        "png": "a@0-00.5.sketch.png",
    }
    assert one.files["svg"].read_bytes() == library.sketch_file(1, "svg").read_bytes()


def test_a_film_is_made_of_ninety_moments_and_of_a_new_drawing(
    library, places, tmp_path, monkeypatch
):
    monkeypatch.setattr(moments, "making_of", lambda _drawing, _target: b"film")
    Moments(library, places[:1])
    run = Moments(library, places[:1], products=Products(video=True), folder=tmp_path)
    assert run.maker.records == [90]
    assert list(run.finished[0].files) == ["svg", "making-of"]


def test_a_sketch_is_animated_once(library, places, monkeypatch):
    moved: list[int] = []
    moving = animation_to_store([drawing().sketch.strokes] * 2, np.arange(2))

    def animate(*_: object, frame_s: None, stop: threading.Event) -> StoredAnimation | None:
        moved.append(len(moved))
        return None if stop.is_set() else moving

    monkeypatch.setattr(moments, "animate", animate)
    wanted = Products(animated=True)
    [one] = Moments(library, places[:1], products=wanted).finished
    assert list(one.files) == ["svg", "animated.svg", "webp", "mp4"]
    Moments(library, places[:1], products=wanted)
    assert moved == [0]
    with library.reading() as session:
        assert read_sketch(session, 1).animation.times_s.tolist() == [0, 1]
    Moments(library, places[1:2])
    assert Moments(library, places[1:2], products=wanted, stopped=True).finished == []
    assert moved == [0, 1]


def test_moments_are_named_as_they_may_be_typed_and_found_once(library, places):
    assert name_of(place()) == "/v/a cat.mp4@0:12.0"
    found = find_places(library, ["2", name_of(places[1]), "1"])
    assert sorted(one.segment_id for one in found) == [1, 2]


def test_a_segment_that_is_removed_while_it_is_drawn_is_named(library, places):
    maker: Any = Maker()
    sketcher = MomentSketcher(
        library, maker, Products(), None, threading.Event(), lambda _done, _total: None
    )
    reader: Any = None
    piece = moments._Piece(sketcher, reader, places[0], lambda _part: None)
    with pytest.raises(KinodexError, match=r"' is not in the library any more"):
        piece._stored()


def test_a_moment_of_a_video_that_is_missing_is_told(library, monkeypatch):
    monkeypatch.setattr(moments, "place_segments", lambda _session, _numbers: [])
    with pytest.raises(KinodexError, match="the video of '2' is missing: bring it back first"):
        find_places(library, ["2"])


class Library:
    """What came of a whole library, in batches of two: segment 1; segments 2 and 3."""

    def __init__(
        self, library: Store, patch: pytest.MonkeyPatch, *, seed: int = 1, **how: bool
    ) -> None:
        patch.setattr(sketching, "BATCH", 2)
        self.maker: Any = Maker(seed=seed)
        self.progress: list[tuple[float, int]] = []
        self.failed: list[tuple[int, str]] = []
        self.told: list[str] = []
        self.stop = threading.Event()
        if how.pop("stopped", False):
            self.stop.set()
        listener = SketchingListener(
            lambda done, total: self.progress.append((done, total)),
            lambda place, reason: self.failed.append((place.segment_id, reason)),
            self.told.append,
        )
        self.report = LibrarySketcher(library, self.maker, listener, self.stop).run(**how)


def figures(report: SketchReport) -> tuple[int, int, int, int, bool]:
    return report.segments, report.drawn, report.already_there, report.failed, report.interrupted


def test_a_library_is_drawn_in_batches_and_progress_never_goes_back(library, monkeypatch):
    run = Library(library, monkeypatch)
    assert run.maker.sizes == [1, 2]
    assert run.progress == [
        (0, 3), (0.5, 3), (0.5, 3), (1, 3), (2.0, 3), (2.0, 3), (3, 3),
    ]  # fmt: skip
    assert figures(run.report) == (3, 3, 0, 0, False)
    assert run.told == []
    assert sorted(file.name for file in library.sketches_folder.glob("*/*")) == [
        f"{number}.{kind}" for number in (1, 2, 3) for kind in ("png", "svg")
    ]
    stale = library.sketch_file(1, "svg").with_name("9.svg")
    stale.touch()
    again = Library(library, monkeypatch)
    assert not stale.exists()
    assert figures(again.report) == (3, 0, 3, 0, False)
    assert again.progress == [(0, 0)]
    assert figures(Library(library, monkeypatch, redo=True).report) == (3, 3, 0, 0, False)


def test_sketches_that_were_made_otherwise_are_drawn_again_or_left_alone(library, monkeypatch):
    Library(library, monkeypatch)
    left = Library(library, monkeypatch, seed=2, only_new=True)
    assert (figures(left.report), left.told) == ((3, 0, 3, 0, False), [])
    other = Library(library, monkeypatch, seed=2)
    assert figures(other.report) == (3, 3, 0, 0, False)
    [told] = other.told
    assert told.startswith("3 of the sketches were made in another way")


def test_a_keyframe_that_cannot_be_read_is_told_and_the_others_are_drawn(library, monkeypatch):
    for number in (1, 2):
        library.keyframe_file(number).unlink()
        library.keyframe_file(number).mkdir()
    run = Library(library, monkeypatch)
    assert figures(run.report) == (3, 1, 0, 2, False)
    assert [number for number, _ in run.failed] == [1, 2]
    assert run.maker.sizes == [1]
    assert stored(library) == [3]
    assert run.progress[-1] == (3, 3)


def test_a_library_run_that_is_stopped_goes_on_the_next_time(library, monkeypatch):
    run = Library(library, monkeypatch, stopped=True)
    assert figures(run.report) == (3, 0, 0, 0, True)
    assert (run.maker.sizes, stored(library)) == ([], [])


def test_where_files_cannot_be_written_that_is_told_once_and_sketches_are_kept(
    library, monkeypatch
):
    library.sketches_folder.write_text("a file in the way")
    run = Library(library, monkeypatch)
    assert (len(run.told), figures(run.report)) == (1, (3, 3, 0, 0, False))
    assert run.told[0].endswith("; the sketches are kept in the catalog")
    assert stored(library) == [1, 2, 3]


def test_segments_share_a_batch_by_their_numbers_whatever_was_drawn_before():
    assert list(_in_batches([3, 15, 16, 17, 40])) == [[3, 15], [16, 17], [40]]


def test_a_shell_hears_of_failures_and_of_an_interruption():
    assert exit_code(SketchReport(3)) == 0
    assert SketchReport(3) == SketchReport(3, 0, 0, 0, 0.0, interrupted=False)
    assert exit_code(SketchReport(3, failed=1)) == 3
    assert exit_code(SketchReport(3, failed=1, interrupted=True)) == 130


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        (SketchReport(3, drawn=2, seconds=1.26), ["2 segments sketched in 1.3 s"]),
        (SketchReport(3, drawn=1, already_there=2, seconds=1.0),
         ["1 segment sketched in 1.0 s, 2 had a sketch"]),
        (SketchReport(3, already_there=2, failed=1),
         ["0 segments sketched, 2 had a sketch, 1 failed"]),
        (SketchReport(3, already_there=3),
         ["all 3 segments have such a sketch: there was nothing to draw"]),
        (SketchReport(0), ["0 segments sketched"]),
        (SketchReport(3, interrupted=True),
         ["0 segments sketched",
          "interrupted: run the same command again, without --redo, to go on"]),
    ],
)  # fmt: skip
def test_people_hear_what_was_done(report, lines, capsys):
    run._summarise(report)
    assert capsys.readouterr().err.splitlines() == lines
