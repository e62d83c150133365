"""`kinodex sketch`: the library, a moment, a picture; and `index --sketch`."""

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import av
import numpy as np
import open_clip
import pytest
from PIL import Image

import tasks.sketches.library
import tasks.sketches.maker
from search.catalog.keeping import purge_unheld
from search.catalog.lock import only_sketcher
from search.catalog.settings import SketchSettings
from search.catalog.sketches import read_sketch
from search.catalog.store import Store
from sketch.drawing.presets import preset_named
from tasks.sketches.files import ensure_sketch
from tasks.sketches.pictures import unlike_stems
from tasks.sketches.request import meant_by
from tests.calling import call, said, shown_json
from tests.corpus import scene, shots, write_clip
from tests.tiny import CONFIG
from ui.cli.sketch import MaskMethod, PresetName


def draw_hastily(patch: pytest.MonkeyPatch) -> None:
    """A few steps of drawing are enough here; how well it is drawn is tested elsewhere."""

    def named(name: str):
        return replace(preset_named(name), iterations=2)

    patch.setattr(tasks.sketches.maker, "preset_named", named)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_hastily(monkeypatch)


@pytest.fixture(scope="module")
def drawn_once(shared_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of three segments, with sketches of four strokes."""
    library = Path(shutil.copytree(shared_library, tmp_path_factory.mktemp("drawn") / "library"))
    with pytest.MonkeyPatch.context() as patch:
        draw_hastily(patch)
        assert call("sketch", "-l", library, "--strokes", "4") == 0
    return library


@pytest.fixture
def in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Makes a copy of a library the one that commands work on."""

    def use(original: Path) -> Path:
        library = Path(shutil.copytree(original, tmp_path / "library"))
        monkeypatch.setenv("KINODEX_LIBRARY", str(library))
        monkeypatch.chdir(tmp_path)
        return library

    return use


@pytest.fixture
def library(shared_library: Path, in_use: Callable[[Path], Path]) -> Path:
    return in_use(shared_library)


@pytest.fixture
def sketched(drawn_once: Path, in_use: Callable[[Path], Path]) -> Path:
    return in_use(drawn_once)


@pytest.fixture
def no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINODEX_LIBRARY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)


def rows(library: Path) -> list[tuple]:
    with sqlite3.connect(library / "catalog.db") as connection:
        return connection.execute(
            "SELECT segment_id, recipe_key, points, drawn_at FROM sketches ORDER BY segment_id"
        ).fetchall()


def picture(file: Path, seed: int = 1) -> Path:
    Image.fromarray(scene(seed)).save(file)
    return file


def test_every_segment_is_sketched_once(library, capsys):
    report = shown_json(capsys, "sketch", "--strokes", "4")
    assert (report["segments"], report["drawn"], report["failed"]) == (3, 3, 0)
    assert [len(points) for _, _, points, _ in rows(library)] == [4 * 8 * 4] * 3
    for number in (1, 2, 3):
        assert (library / f"media/sketches/0/{number}.svg").read_text().startswith("<svg")
        assert Image.open(library / f"media/sketches/0/{number}.png").size == (224, 224)
    before = rows(library)
    report = shown_json(capsys, "sketch", "--strokes", "4")
    assert (report["drawn"], report["already_there"]) == (0, 3)
    assert rows(library) == before
    assert call("status") == 0
    assert "3 of 3 segments" in capsys.readouterr().out


def test_other_options_and_redo_draw_again(sketched, capsys):
    before = rows(sketched)
    report = shown_json(capsys, "sketch", "--strokes", "3")
    assert (report["drawn"], report["already_there"]) == (3, 0)
    assert {row[1] for row in rows(sketched)}.isdisjoint(row[1] for row in before)
    assert call("sketch", "--strokes", "4") == 0
    assert "drawn again" in capsys.readouterr().err
    assert shown_json(capsys, "sketch", "--strokes", "4", "--redo")["drawn"] == 3
    for old, new in zip(before, rows(sketched), strict=True):
        assert old[:2] == new[:2]
        strokes = (np.frombuffer(row[2], "<f4") for row in (old, new))
        np.testing.assert_allclose(*strokes, atol=0.5)


def test_the_settings_of_the_library_are_used(library, capsys):
    (library / "library.toml").write_text("[sketch]\nstrokes = 2\nseed = 5\n")
    assert call("sketch") == 0
    assert [len(points) for _, _, points, _ in rows(library)] == [2 * 8 * 4] * 3
    (library / "library.toml").write_text("[sketch]\nstrokes = 65\n")
    assert call("sketch") == 1
    assert "library.toml', [sketch], strokes" in said(capsys)


def test_a_deleted_picture_comes_back_without_drawing(sketched):
    with Store.open(sketched) as library:
        for kind in ("svg", "png", "animated.svg"):
            file = ensure_sketch(library, 2, kind)
            content = file.read_bytes()
            file.unlink()
            assert ensure_sketch(library, 2, kind) == file
            assert file.read_bytes() == content
        assert ensure_sketch(library, 2, "mp4") is None, "it has no animation"
        assert ensure_sketch(library, 99, "svg") is None


def test_a_picture_of_an_older_sketch_is_not_taken_for_the_new_one(sketched):
    file = sketched / "media/sketches/0/2.svg"
    current = file.read_text()
    file.write_text("of an older sketch, put in place before a kill")
    with Store.open(sketched) as library:
        assert ensure_sketch(library, 2, "svg").read_text() == current


def test_pictures_of_purged_videos_go_with_the_next_run(sketched, shared_clips):
    assert call("remove", shared_clips / "a.mp4") == 0
    with Store.open(sketched) as library, library.writing() as session:
        purge_unheld(session, days=0)
    assert call("sketch", "--strokes", "4") == 0
    left = sorted(file.name for file in (sketched / "media/sketches/0").iterdir())
    with Store.open(sketched) as library:
        kept = [row[0] for row in rows(sketched)]
        assert len(kept) == 1
        assert ensure_sketch(library, *kept, "svg").name in left
    assert {name.partition(".")[0] for name in left} == {str(kept[0])}


def test_a_moment_is_sketched_alone_and_stays_in_the_library(library, capsys):
    assert call("sketch", "a.mp4@0:01.5", "--strokes", "4", "--png") == 0
    shown = capsys.readouterr()
    svg, png = map(Path, shown.out.splitlines())
    assert svg.read_text().startswith("<svg")
    assert Image.open(png).size == (224, 224)
    assert "4 strokes" in shown.err
    [(segment, *_)] = rows(library)
    report = shown_json(capsys, "sketch", segment, "--strokes", "4", "--out", "out")
    assert report["segment"] == segment
    assert Path(report["files"]["svg"]).parent.name == "out"
    assert shown_json(capsys, "sketch", "--strokes", "4")["already_there"] == 1


def test_the_making_of_a_moment_is_a_film(library, capsys):
    assert call("sketch", "1", "--strokes", "2", "--video") == 0
    [film] = Path().glob("*.making-of.mp4")
    assert film.read_bytes()[4:8] == b"ftyp"


def pictures_of(film: Path) -> np.ndarray:
    """Every picture of a film, uint8 (pictures, height, width)."""
    with av.open(str(film)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


def test_the_sketch_of_a_moment_moves(library, capsys):
    assert call("sketch", "1", "--strokes", "4", "--animated") == 0
    svg, moving, webp, mp4 = map(Path, capsys.readouterr().out.splitlines())
    assert "<animate" not in svg.read_text()
    assert "<animate" in moving.read_text()
    assert (webp.read_bytes()[8:12], mp4.read_bytes()[4:8]) == (b"WEBP", b"ftyp")
    film = pictures_of(mp4)
    mp4.unlink()
    assert call("sketch", "1", "--strokes", "4", "--animated") == 0
    again = pictures_of(mp4)
    # Not byte for byte: the encoder's threads may share their work in another way.
    assert again.shape == film.shape
    assert np.abs(again.astype(int) - film).mean() < 0.5, "made again from the strokes"
    with Store.open(library) as opened, opened.reading() as session:
        animation = read_sketch(session, 1).animation
    assert animation.points.shape == (len(animation.times_s), 4, 4, 2)
    assert 0 <= animation.times_s[0] < animation.times_s[-1] <= 1.2


def test_a_single_picture_cannot_move(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    write_clip(tmp_path / "still.mp4", shots([1]))
    assert call("index", tmp_path / "still.mp4", "-m", "bundled", "--head", "meanP") == 0
    assert call("sketch", "1", "--strokes", "2", "--animated") == 1
    assert "too short to move" in said(capsys)
    assert len(rows(tmp_path / "library")) == 1, "the sketch itself is kept"


def test_sketches_are_kept_where_their_pictures_cannot_be_written(library, capsys):
    (library / "media/sketches").write_text("a file in the way")
    assert call("sketch", "--strokes", "2") == 0
    assert said(capsys).count("the sketches are kept in the catalog") == 1
    assert len(rows(library)) == 3


def test_a_picture_needs_no_library(no_library, tmp_path, capsys):
    picture(tmp_path / "bird.jpg")
    assert call("sketch", "bird.jpg", "--strokes", "4", "--png", "--animated", "--video") == 0
    shown = capsys.readouterr()
    assert shown.out.split() == [
        "bird.sketch.svg",
        "bird.sketch.png",
        "bird.sketch.animated.svg",
        "bird.making-of.mp4",
    ]
    assert "the bundled model draws" in shown.err
    assert Image.open("bird.sketch.png").size == (448, 448)
    assert "<svg" in Path("bird.sketch.animated.svg").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["bird.jpg", *shown.out.split()]
    )


def test_the_same_seed_gives_the_same_picture(no_library, tmp_path, capsys):
    picture(tmp_path / "bird.png")
    for out in ("one", "two"):
        assert call("sketch", "bird.png", "--strokes", "4", "--out", out) == 0
    assert call("sketch", "bird.png", "--strokes", "4", "--seed", "7", "--out", "three") == 0
    one, two, three = (Path(out, "bird.sketch.svg").read_text() for out in ("one", "two", "three"))
    assert one == two != three


def test_one_bad_picture_does_not_stop_the_others(no_library, tmp_path, shared_clips, capsys):
    picture(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    video = shared_clips / "a.mp4"
    assert call("sketch", "bad.png", "good.png", video, "--strokes", "2") == 3
    shown = capsys.readouterr()
    assert shown.out == "good.sketch.svg\n"
    assert "failed: 'bad.png' is no picture" in shown.err
    assert f"{str(video)!r} is a video: index it" in shown.err
    assert call("sketch", "bad.png") == 1


def test_a_bad_keyframe_does_not_stop_the_run(shared_clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    videos = Path(shutil.copytree(shared_clips, tmp_path / "videos"))
    assert call("index", videos, "-m", "bundled", "--head", "meanP") == 0
    (videos / "new\nline \x1b[31m.mp4").write_bytes(b"overwritten")
    keyframes = sorted((tmp_path / "library/media/keyframes/0").iterdir())
    for keyframe in keyframes:
        keyframe.write_bytes(b"damaged")
    report = shown_json(capsys, "sketch", "--strokes", "2", code=3)
    assert (report["drawn"], report["failed"]) == (2, 1)
    assert call("sketch", "--strokes", "2") == 3
    shown = capsys.readouterr()
    assert "failed: " in shown.err
    assert "\x1b" not in shown.err


def test_names_cannot_move_the_cursor(library, tmp_path, capsys):
    odd = picture(tmp_path / "new\nline \x1b[31m<b>.png")
    assert call("sketch", odd, "--strokes", "2") == 0
    assert call("sketch", "new\nline \x1b[31m.mp4@0", "--strokes", "2", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert len(shown.out.splitlines()) == 2
    written = (tmp_path / "new\nline \x1b[31m<b>.sketch.svg").read_text()
    assert "\x1b" not in written
    assert "<b>" not in written


def test_a_contact_sheet_of_the_library(sketched, capsys):
    assert call("sketch", "--strokes", "4", "--sheet", "sheet.png") == 0
    assert "contact sheet: sheet.png" in capsys.readouterr().err
    # Six columns of 224 and seven gaps of 12; a row of 224 with its caption, and two gaps.
    assert Image.open("sheet.png").size == (6 * 224 + 7 * 12, 224 + 20 + 2 * 12)


def test_a_contact_sheet_shows_the_keyframes_that_there_are(sketched):
    shutil.rmtree(sketched / "media/keyframes")
    with sqlite3.connect(sketched / "catalog.db") as connection:
        connection.execute("UPDATE paths SET path = ? WHERE video_id = 1", (b"/gone.mp4",))
    assert call("sketch", "--strokes", "4", "--sheet", "sheet.jpg", "--keyframes") == 0
    sheet = Image.open("sheet.jpg")
    # Three columns of two squares each and four gaps.
    assert (sheet.format, sheet.size) == ("JPEG", (3 * 448 + 4 * 12, 224 + 20 + 2 * 12))
    lefts = [12 + 460 * cell for cell in range(3)]
    keyframes = [np.asarray(sheet)[80:160, left + 20 : left + 204] for left in lefts]
    assert [bool(one.mean() > 250) for one in keyframes] == [True, True, False]


def test_interrupted_it_keeps_whole_batches_and_goes_on(library, monkeypatch, capsys):
    monkeypatch.setattr(tasks.sketches.library, "BATCH", 2)  # segments 1; 2 and 3
    make_targets = tasks.sketches.library.make_targets
    calls = []

    def interrupting(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return make_targets(*arguments)

    monkeypatch.setattr(tasks.sketches.library, "make_targets", interrupting)
    report = shown_json(capsys, "sketch", "--strokes", "2", code=130)
    assert (report["drawn"], report["interrupted"]) == (1, True)
    [first] = rows(library)
    report = shown_json(capsys, "sketch", "--strokes", "2")
    assert (report["drawn"], report["already_there"], report["interrupted"]) == (2, 1, False)
    assert rows(library)[0] == first


def test_two_processes_do_not_sketch_a_library_at_once(library, capsys):
    with only_sketcher(library):
        assert call("sketch") == 1
    assert "another Kinodex is sketching" in said(capsys)


def test_indexing_sketches_when_asked_to(shared_clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    first = tmp_path / "first.mp4"
    write_clip(first, shots([30]))
    flags = ("-m", "bundled", "--head", "meanP")
    report = shown_json(capsys, "index", first, *flags, "--sketch")
    assert (report["encoded"], report["sketching"]["drawn"]) == (1, 1)
    assert call("sketch", "--strokes", "2") == 0
    assert shown_json(capsys, "index", shared_clips, *flags)["sketching"] is None
    (tmp_path / "library/library.toml").write_text("[sketch]\nafter_indexing = true\n")
    assert shown_json(capsys, "index", shared_clips, "--no-sketch")["sketching"] is None
    assert shown_json(capsys, "index", shared_clips)["sketching"]["drawn"] == 3
    strokes = {len(points) // 32 for _, _, points, _ in rows(tmp_path / "library")}
    assert strokes == {2, 16}, "what was drawn in another way is left alone"


@pytest.fixture(scope="module")
def architectures(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two of timm's picture towers, and one for pictures twice as wide as they are high."""
    folder = tmp_path_factory.mktemp("architectures")
    timms = {"image_size": 160, "timm_proj": "linear"}
    for name, vision in {
        "convolutions-for-tests": {**timms, "timm_model_name": "test_convnext", "timm_pool": ""},
        "attention-for-tests": {**timms, "timm_model_name": "test_vit3", "timm_pool": "map"},
        "oblong-for-tests": {**CONFIG["vision_cfg"], "image_size": [16, 32]},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps({**CONFIG, "vision_cfg": vision}))
    open_clip.add_model_config(folder)


def drawn_with(library: Path) -> set[str]:
    """The models that have drawn the sketches of a library."""
    with sqlite3.connect(library / "catalog.db") as connection:
        recipes = connection.execute("SELECT recipe FROM sketches").fetchall()
    return {json.loads(recipe)["model"] for (recipe,) in recipes}


@pytest.mark.usefixtures("architectures")
@pytest.mark.parametrize("name", ["convolutions-for-tests", "attention-for-tests"])
def test_a_library_and_a_picture_are_drawn_with_a_model_of_timms(
    name, shared_clips, no_library, tmp_path, monkeypatch, capsys
):
    model = ("--model", name, "--pretrained", "random")
    picture(tmp_path / "bird.png")
    assert call("sketch", "bird.png", *model, "--strokes", "3") == 0
    assert Path("bird.sketch.svg").read_text().count("<path") == 3
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    assert call("index", shared_clips / "a.mp4", *model, "--head", "meanP") == 0
    assert call("sketch", "--strokes", "2") == 0
    assert "cannot draw" not in capsys.readouterr().err
    assert drawn_with(tmp_path / "library") == {name}


@pytest.mark.usefixtures("architectures")
def test_what_a_model_for_oblong_pictures_cannot_draw_the_bundled_one_does(
    shared_clips, no_library, tmp_path, monkeypatch, capsys
):
    model = ("--model", "oblong-for-tests", "--pretrained", "random")
    picture(tmp_path / "bird.png")
    assert call("sketch", "bird.png", *model) == 1
    assert "a sketch needs a model whose picture tower keeps maps of square" in said(capsys)
    monkeypatch.setenv("KINODEX_LIBRARY", str(tmp_path / "library"))
    assert call("index", shared_clips / "a.mp4", *model, "--head", "meanP") == 0
    assert call("sketch", "--strokes", "2") == 0
    assert "oblong-for-tests (random) cannot draw: the bundled model does" in said(capsys)
    assert drawn_with(tmp_path / "library") == {"bundled"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--strokes", "0"], 2, "from 1 to 64, or auto"),
        (["--strokes", "many"], 2, "from 1 to 64, or auto"),
        (["--preset", "slow"], 2, "Invalid value"),
        (["--mask", "magic"], 2, "Invalid value"),
        (["--seed", "-1"], 2, "Invalid value"),
        (["--png"], 2, "name one"),
        (["1", "--sheet", "x.png"], 2, "leave WHAT out"),
        (["--sheet", "x.svg"], 2, "must end in .png"),
        (["--keyframes"], 2, "goes with --sheet"),
        (["nothing.jpg"], 1, "there is no picture 'nothing.jpg'"),
        (["."], 1, "is a folder"),
        (["99"], 1, "there is no segment 99"),
        (["other.mp4@3"], 1, "there is no indexed video 'other.mp4'"),
        (["a.mp4@99:00"], 1, "the video has none at that time"),
        (["1", "--out", "library.toml"], 1, "nothing can be written to"),
        (["--sheet", "library.toml/x.png"], 1, "nothing can be written to"),
        (["--model", "no-such-model"], 1, "no-such-model"),
    ],
)
def test_mistakes_end_in_one_sentence_and_change_nothing(
    library, monkeypatch, arguments, code, sentence, capsys
):
    monkeypatch.chdir(library)
    before = rows(library)
    assert call("sketch", *arguments) == code
    assert sentence in said(capsys)
    assert rows(library) == before


def test_without_a_library_or_segments_it_says_what_to_do(no_library, tmp_path, capsys):
    assert call("sketch") == 1
    assert "make one with 'kinodex index FOLDER'" in said(capsys)
    Store.open(tmp_path / "empty", create=True).close()
    assert call("sketch", "-l", tmp_path / "empty") == 1
    assert "run 'kinodex index FOLDER' first" in said(capsys)


def test_what_is_meant_by_a_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert meant_by("12") == "12"
    assert meant_by("./12") == Path("12")
    assert meant_by("a.mp4@1:02.5") == "a.mp4@1:02.5"
    assert meant_by("icon@2.png") == Path("icon@2.png")
    assert meant_by("icon@2") == "icon@2"
    Path("icon@2").touch()
    assert meant_by("icon@2") == Path("icon@2")


def test_files_of_like_names_do_not_overwrite_each_other():
    paths = [Path(name) for name in ("a/x.png", "a/x.jpg", "b/x.png", "y.png")]
    assert list(unlike_stems(paths).values()) == ["x.png-1", "x.jpg", "x.png-3", "y"]


def test_options_know_the_same_words_as_the_settings():
    fields = SketchSettings.model_fields
    assert set(PresetName) == set(get_args(fields["preset"].annotation))
    assert set(MaskMethod) == set(get_args(fields["mask"].annotation))
