"""What is typed and what is meant by it."""

from pathlib import Path

from search.catalog.settings import SketchSettings
from tasks.sketches.request import Products, SketchFlags, meant_by


def test_what_was_typed_takes_the_place_of_the_settings_and_nothing_else():
    own = SketchSettings(strokes=5, mask="none", seed=3, after_indexing=True)
    assert SketchFlags().over(own) == own
    typed = SketchFlags(strokes=8, scene=True, seed=0).over(own)
    assert typed == SketchSettings(strokes=8, mask="none", seed=0, scene=True, after_indexing=True)
    assert SketchFlags(scene=False).over(SketchSettings(scene=True)).scene is False


def test_nothing_but_the_svg_is_wanted_unless_it_is_said():
    assert Products() == Products(png=False, video=False, animated=False, out=None)


def test_a_name_with_an_at_sign_is_a_moment_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (meant_by("7"), meant_by("a.mp4@1:02")) == ("7", "a.mp4@1:02")
    assert meant_by("a.png") == Path("a.png")
    (tmp_path / "a.mp4@1:02").touch()
    (tmp_path / "7").touch()
    assert (meant_by("7"), meant_by("a.mp4@1:02")) == ("7", Path("a.mp4@1:02"))
    assert meant_by("./7") == Path("7")
