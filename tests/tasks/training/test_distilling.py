"""`kinodex distil`: from a library to a model that indexes others."""

import json
import shutil
from pathlib import Path

import pytest

from models.identity import BUNDLED
from search.catalog.store import Store
from tests.calling import call, said, shown_json
from tests.corpus import shots, write_clip
from tests.tasks.training.training_runs import assert_same_weights, interrupted_after_two_steps


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos and their library, with the heads and labels of the bundled model."""
    place = tmp_path_factory.mktemp("made")
    for number in range(3):
        write_clip(place / f"{number}.mp4", shots([25, 20 + 5 * number]))
    assert call("index", place, "-l", place / "library", "-m", BUNDLED) == 0
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The library, and a folder of this test's own; the videos lie where they were."""
    shutil.copytree(made / "library", tmp_path / "library")
    return tmp_path


def distil(place: Path, *more: object, out: str = "out") -> int:
    return call(
        *("distil", "--library", place / "library", "--out", place / out),
        *("--student", "test_resnet", "--batch-size", 8, "--steps", 6, "--cache", place / "cache"),
        *("--held-out", 0.4, *more),
    )


def test_a_student_indexes_and_is_searched_with_the_heads_of_its_teacher(made, place, capsys):
    before = (place / "library" / "catalog.db").read_bytes()
    assert distil(place) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{place / 'out'}\n"
    assert "student test_resnet at 64 × 64 pixels, from weights drawn at random" in printed.err
    assert "2 segments held out" in printed.err
    assert "the head seqTransf is taken over" in printed.err
    assert f"next: kinodex index --model {place / 'out'}" in printed.err.replace("\n", " ")
    assert (place / "library" / "catalog.db").read_bytes() == before
    names = {file.name for file in (place / "out").iterdir()}
    assert names >= {"pictures.safetensors", "words.safetensors", "model.json", "curves.png"}
    card = json.loads((place / "out" / "model.json").read_text())
    assert (card["teacher"], card["figures"].keys()) == (BUNDLED, {"cosine", "same_first"})
    new = place / "new"
    assert call("index", made / "0.mp4", "-l", new, "-m", place / "out") == 0
    status = shown_json(capsys, "status", "-l", new)
    assert status["model"] == "distilled:bundled (out)"
    assert status["head"] == "seqTransf"
    assert "small-world" in json.dumps(status)
    assert call("search", "a ball", "-l", new) == 0
    assert "0.mp4" in capsys.readouterr().out
    (place / "out").rename(place / "moved")
    assert call("search", "a ball", "-l", new) == 1
    assert "say where it lies now with 'kinodex fuse --head HEAD --model FOLDER'" in said(capsys)
    assert call("index", made / "1.mp4", "-l", new, "-m", place / "moved") == 1
    assert "run 'kinodex fuse' with it if its folder has only moved" in said(capsys)
    assert call("fuse", "-l", new, "--head", "seqTransf", "-m", place / "moved") == 0
    assert call("search", "a ball", "-l", new) == 0
    # The same folder again means the library's own model.
    assert call("index", made / "1.mp4", "-l", new, "-m", place / "moved") == 0


def test_ctrl_c_saves_and_the_same_command_goes_on_to_the_same_result(place, monkeypatch, capsys):
    assert distil(place, out="whole") == 0
    with interrupted_after_two_steps(monkeypatch):
        assert distil(place, out="parts") == 130
    assert "stopped after step 2: run the same command again" in said(capsys)
    assert distil(place, out="parts") == 0
    assert "going on after step 2 of 6" in said(capsys)
    assert_same_weights(place / "parts", place / "whole")


def test_other_options_in_the_same_folder_are_refused_with_the_difference(place, capsys):
    assert distil(place) == 0
    before = (place / "out" / "pictures.safetensors").read_bytes()
    capsys.readouterr()
    for more, told in (
        (("--steps", 7), "(steps was 6, now 7)"),
        (("--size", 32), "side=64"),
        (("--seed", 1), "(seed was 42, now 1)"),
    ):
        assert distil(place, *more) == 1
        assert told in said(capsys)
    assert (place / "out" / "pictures.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--student", "test_resnett"), "timm has no network named 'test_resnett'"),
        (("--stages", 9), "it has 5 stages, and 9 cannot be kept of them"),
    ],
)
def test_a_student_that_does_not_fit_is_told_before_anything_is_read(place, capsys, more, told):
    assert distil(place, *more) == 1
    assert told in said(capsys)
    assert not (place / "out").exists()
    assert not (place / "cache").exists()


def test_a_teacher_that_can_have_no_student_is_told_before_anything_is_read(
    place, capsys, monkeypatch
):
    def captions(self, pictures, normalize=False):
        embeddings, _tokens = self.visual(pictures)
        return embeddings

    monkeypatch.setattr("open_clip.model.CLIP.encode_image", captions)
    assert distil(place) == 1
    assert "a CLIP wants more of its picture tower than one vector" in said(capsys)
    assert not (place / "cache").exists()


def test_a_library_without_frames_is_told(tmp_path, capsys):
    assert call("distil", "--library", tmp_path / "no", "--out", tmp_path / "out") == 1
    assert "there is no library in" in said(capsys)
    with Store.open(tmp_path / "library", create=True):
        pass
    assert call("distil", "--library", tmp_path / "library", "--out", tmp_path / "out") == 1
    assert "nothing is indexed" in said(capsys)
    assert not (tmp_path / "out").exists()


def test_missing_videos_are_told_and_the_others_are_learnt_from(made, place, capsys):
    kept = {file: file.read_bytes() for file in made.glob("*.mp4")}
    try:
        (made / "1.mp4").unlink()
        assert distil(place) == 3
        assert "1 video left out" in (told := said(capsys))
        assert "1.mp4: no file is there now" in told
        for file in made.glob("*.mp4"):
            file.unlink()
        shutil.rmtree(place / "cache")
        assert distil(place, out="other") == 1
        assert "no video of this library can be read now" in said(capsys)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert not (place / "other").exists()


def test_more_frames_than_wanted_are_left_out_and_that_is_said(place, capsys):
    assert distil(place, "--frames", 16) == 0
    assert "are enough, of 3: --frames takes more" in said(capsys)
