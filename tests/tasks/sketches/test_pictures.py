"""Pictures turned into strokes, batch after batch, by a maker that draws at once."""

import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import KinodexError
from sketch.canvas import Target
from sketch.strokes import Drawing
from tasks.sketches import pictures
from tasks.sketches.pictures import PictureSketcher, check_pictures, picture_files, unlike_stems
from tasks.sketches.products import FinishedSketch
from tasks.sketches.request import Products
from tests.corpus import shots, write_clip
from tests.tasks.sketches.drawings import drawing


class Maker:
    """Draws two strokes of anything; each drawing took a second longer than the one before."""

    weighs_evidence = False
    settings = SimpleNamespace(mask="none")

    def __init__(self) -> None:
        self.records: list[int] = []
        self.sizes: list[int] = []

    def draw(
        self,
        targets: Sequence[Target],
        *,
        stop: threading.Event,
        on_progress: Callable[[float], None],
        record: int,
    ) -> list[Drawing]:
        self.records.append(record)
        self.sizes.append(len(targets))
        on_progress(0.5)
        return [drawing(seconds=float(number)) for number in range(len(targets))]


class Run:
    """What came of some pictures."""

    def __init__(
        self,
        folder: Path,
        paths: Sequence[Path],
        *,
        products: Products | None = None,
        stopped: bool = False,
    ) -> None:
        self.maker: Any = Maker()
        self.failed: list[str] = []
        self.progress: list[tuple[float, int]] = []
        stop = threading.Event()
        if stopped:
            stop.set()
        sketcher = PictureSketcher(
            self.maker, products or Products(), folder, stop, self.failed.append, self.on_progress
        )
        self.finished: list[FinishedSketch] = list(sketcher.run(paths))

    def on_progress(self, done: float, total: int) -> None:
        self.progress.append((done, total))


def written(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(path)
    return paths


def test_sixteen_pictures_are_drawn_at_once_and_progress_is_told_of_all(tmp_path):
    paths = written(tmp_path, 18)
    run = Run(tmp_path, paths)
    assert [one.name for one in run.finished] == [str(path) for path in paths]
    assert run.maker.sizes == [16, 2]
    assert run.progress == [(0, 18), (8, 18), (16, 18), (17, 18), (18, 18)]
    assert [one.seconds for one in run.finished[15:]] == [15.0, 0.0, 1.0]
    assert run.finished[3].files == {"svg": tmp_path / "3.sketch.svg"}
    assert run.maker.records == [0, 0]


def test_what_cannot_be_read_is_told_and_left_out(tmp_path):
    [good] = written(tmp_path, 1)
    (tmp_path / "bad.png").write_text("no picture")
    video = write_clip(tmp_path / "film.png", shots([3]))
    run = Run(tmp_path, [tmp_path / "bad.png", good, video])
    assert [one.name for one in run.finished] == [str(good)]
    first, second = run.failed
    assert "bad.png" in first
    assert second == (
        f"{str(video)!r} is a video: index it, then name a moment in it as '{video}@1:02', "
        "or give no name for all of the library"
    )
    assert Run(tmp_path, [tmp_path / "bad.png"]).finished == []
    assert Run(tmp_path, [tmp_path / "bad.png"]).maker.sizes == []


def test_a_stopped_run_writes_nothing_more(tmp_path):
    run = Run(tmp_path, written(tmp_path, 20), stopped=True)
    assert run.finished == []
    assert run.maker.sizes == [16]
    assert run.progress == [(0, 20), (8, 20)]


def test_a_film_needs_ninety_moments_of_the_drawing(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "making_of", lambda _drawing, _target: b"film")
    run = Run(tmp_path, written(tmp_path, 1), products=Products(video=True))
    assert run.maker.records == [90]
    assert list(run.finished[0].files) == ["svg", "making-of"]


def test_the_files_are_those_that_were_asked_for(monkeypatch):
    monkeypatch.setattr(pictures, "making_of", lambda _drawing, _target: b"film")
    target: Any = None

    def kinds(**wanted: bool) -> list[str]:
        return list(picture_files(drawing(), target, Products(**wanted), title="a"))

    assert kinds() == ["svg"]
    assert kinds(png=True) == ["svg", "png"]
    assert kinds(animated=True) == ["svg", "animated.svg"]
    assert kinds(video=True) == ["svg", "making-of"]
    files = picture_files(drawing(), target, Products(png=True, animated=True), title="a\x1b")
    assert b"a\\x1b" in files["svg"]
    assert files["animated.svg"] != files["svg"]
    with Image.open(io.BytesIO(files["png"])) as picture:
        assert picture.size == (448, 448)


def test_what_is_no_file_is_told_before_a_model_is_loaded(tmp_path):
    [good] = written(tmp_path, 1)
    check_pictures([good])
    with pytest.raises(KinodexError, match="is a folder: name the pictures in it"):
        check_pictures([good, tmp_path])
    with pytest.raises(KinodexError, match=r"there is no picture '.*gone\.png'"):
        check_pictures([tmp_path / "gone.png"])


def test_files_are_named_after_their_pictures_as_shortly_as_can_be():
    def named(*paths: str) -> list[str]:
        return list(unlike_stems([Path(path) for path in paths]).values())

    assert named("a/cat.png", "b/dog.png") == ["cat", "dog"]
    assert named("cat.png", "cat.jpg") == ["cat.png", "cat.jpg"]
    assert named("a/cat.png", "b/cat.png", "dog.png") == ["cat.png-1", "cat.png-2", "dog"]
    assert named("cat.png", "cat.png") == ["cat"]
