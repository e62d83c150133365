import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from models.errors import KinodexError
from smallworld.training.model import BUNDLED_FOLDER, export_weights, load_own_model
from tasks.evaluation import sketches
from tasks.evaluation.sketch_exam import labelled_files
from tests.calling import call
from tests.sketch.stills import still

THINGS = ("cat", "bus", "pizza")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for thing in THINGS:
        (folder / thing).mkdir()
        for number, scene in enumerate(("sky", "room")):
            picture = Image.fromarray(still(thing, scene, size=0.6))
            picture.save(folder / thing / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model with a picture tower that sees a little less well."""
    folder = tmp_path_factory.mktemp("judge")
    model = load_own_model(BUNDLED_FOLDER)
    model.visual.conv1.weight.data *= 1.1
    return export_weights(model, folder)


def rows(capsys) -> dict[str, dict]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {f"{line['what']} {line['strokes']:.0f}": line for line in lines}


def test_photographs_are_named_better_than_their_sketches(pictures, other_model, capsys, tmp_path):
    curve = tmp_path / "curve.png"
    options = ("--strokes", "2,8", "--json", "--curve", str(curve))
    judge = ("--judge", "bundled", "--judge-weights", str(other_model))
    assert call("evaluate", "sketch", str(pictures), *options, *judge) == 0
    told = rows(capsys)
    assert list(told) == [
        "photograph 0", "sketch 2", "Canny 2", "sketch 8", "Canny 8", "first 2 2",
    ]  # fmt: skip
    assert told["photograph 0"]["named"]["drawer"] == [100, 100]
    for row in told.values():
        assert set(row["named"]) == {"judge", "drawer"}
        assert 0 <= row["named"]["judge"][0] <= row["named"]["judge"][1] <= 100
    assert all(0 < told[what]["semantic"] < 2 for what in ("sketch 8", "Canny 8"))
    assert told["sketch 8"]["geometric"] != told["Canny 8"]["geometric"] > 0
    assert told["first 2 2"]["geometric"] is None
    assert Image.open(curve).format == "PNG"


def test_a_curve_that_could_not_be_drawn_is_refused_before_anything_is_drawn(
    pictures, capsys, tmp_path, no_matplotlib
):
    assert call("evaluate", "sketch", str(pictures), "--curve", str(tmp_path / "c.png")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "pip install 'kinodex[plots]'" in shown.err


def test_without_a_judge_it_says_that_the_figure_flatters(pictures, capsys):
    assert call("evaluate", "sketch", str(pictures), "--strokes", "2") == 0
    shown = capsys.readouterr()
    assert "whom its own lines flatter" in shown.err
    assert shown.out.splitlines()[0].split("\t")[:3] == ["", "strokes", "drawer: top-1"]


def test_the_drawer_is_no_judge(pictures, capsys):
    assert call("evaluate", "sketch", str(pictures), "--strokes", "2", "--judge", "bundled") == 1
    assert "the judge is the model that drew" in capsys.readouterr().err


def test_an_unreadable_picture_is_left_out_and_counted(pictures, capsys, tmp_path):
    for thing in THINGS[:2]:
        (tmp_path / thing).mkdir()
        (tmp_path / thing / "good.png").write_bytes((pictures / thing / "0.png").read_bytes())
    (tmp_path / "bus" / "bad.png").write_bytes(b"no picture")
    assert call("evaluate", "sketch", str(tmp_path), "--strokes", "2", "--json") == 3
    shown = capsys.readouterr()
    assert "left out" in shown.err
    assert "2 pictures, 2 labels" in shown.err


def test_sentences_about_labels_are_the_usual_ones_or_those_of_a_file(tmp_path):
    usual: Any = SimpleNamespace(templates=None)
    assert sketches._templates(usual) == sketches.PICTURE_PROMPTS
    (tmp_path / "mine.txt").write_text("a doodle of a {}\na {} in ink\n")
    own: Any = SimpleNamespace(templates=str(tmp_path / "mine.txt"))
    assert list(sketches._templates(own).texts) == ["a doodle of a {}", "a {} in ink"]


def test_labels_are_the_names_of_the_folders(tmp_path):
    for name in ("red_apple", "cat", ".hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    assert {label for _, label in labelled_files(tmp_path)} == {"red apple", "cat"}


@pytest.mark.parametrize("place", ["gone", "alone"])
def test_a_folder_without_labels_is_one_sentence(place, tmp_path):
    (tmp_path / "alone" / "cat").mkdir(parents=True)
    (tmp_path / "alone" / "cat" / "a.png").touch()
    with pytest.raises(KinodexError, match=r"no folder|at least two folders"):
        labelled_files(tmp_path / place)


def test_a_library_without_sketches_or_tags_is_one_sentence(tmp_path, capsys):
    assert call("evaluate", "sketch", "--library", str(tmp_path / "none")) == 1
    assert "there is no library" in capsys.readouterr().err


def test_stroke_counts_must_be_counts(pictures, capsys):
    assert call("evaluate", "sketch", str(pictures), "--strokes", "4,many") == 2
    assert "numbers from 1 to 64" in capsys.readouterr().err


def test_a_librarys_sketches_are_held_to_what_is_said_of_their_keyframes(
    shared_library, tmp_path, capsys
):
    library = Path(shutil.copytree(shared_library, tmp_path / "library"))
    assert call("evaluate", "sketch", "-l", library) == 1
    assert "nothing is sketched in this library yet" in capsys.readouterr().err
    assert call("sketch", "-l", library, "--strokes", "4") == 0
    capsys.readouterr()
    assert call("evaluate", "sketch", "-l", library, "--strokes", "2,8", "--json") == 0
    shown = capsys.readouterr()
    assert "3 keyframes, 18 labels; right is what the same model says" in shown.err
    told = {(line["what"]): line for line in map(json.loads, shown.out.splitlines())}
    assert list(told) == ["photograph", "sketch", "Canny", "first 2"]
    assert told["photograph"]["named"]["drawer"] == [100, 100]
    assert told["sketch"]["strokes"] == 4
