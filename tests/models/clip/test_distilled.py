"""Distilled models in folders: a teacher's words as they were, a student's eyes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models.clip.backbone import Backbone
from models.clip.distilled import save_pictures, save_words, with_student, words_digest
from models.clip.sources import choose_model, load_model, preprocessing_of, weight_files
from models.clip.student_folders import StudentCard, StudentShape
from models.clip.students import StudentUnfit, make_student, student_preprocessing
from models.errors import ModelUnavailable
from models.identity import ModelChoice
from models.imagenet.packages import is_installed

TEXTS = ["a dog at night", "two horses"]
TEACHERS = [
    ModelChoice("bundled"),
    pytest.param(
        ModelChoice("imagenet"),
        marks=pytest.mark.skipif(not is_installed(), reason="kinodex[imagenet] is not installed"),
    ),
]


def put(folder: Path, teacher: ModelChoice) -> np.ndarray:
    """A student that has learnt nothing, in a folder; → what its teacher makes of TEXTS."""
    loaded = load_model(teacher, talk=print)
    backbone = Backbone.in_torch(teacher, loaded, torch.device("cpu"))
    texts = backbone.text_arrays(TEXTS)
    shape = StudentShape("test_resnet", 32, texts.shape[1])
    tower = make_student(shape, pretrained=False).eval()
    seen = student_preprocessing(preprocessing_of(loaded.model), shape, pretrained=False)
    model = with_student(loaded.model, tower, seen)
    card = StudentCard(teacher.name, None, shape, seen, words_digest(model), "nothing")
    folder.mkdir(exist_ok=True)
    save_words(folder, model)
    save_pictures(folder, tower, card)
    return texts


def opened(choice: ModelChoice) -> Backbone:
    return Backbone.in_torch(choice, load_model(choice, talk=print), torch.device("cpu"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "student"
    put(folder, ModelChoice("bundled"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """One of this test's own."""
    return Path(shutil.copytree(made, tmp_path / "student"))


@pytest.mark.parametrize("teacher", TEACHERS, ids=str)
def test_a_folder_is_a_model_whose_words_mean_what_they_meant(teacher, tmp_path):
    before = put(tmp_path / "small", teacher)
    choice = choose_model(str(tmp_path / "small"))
    assert str(choice) == f"distilled:{teacher.name} (small)"
    assert (choice.is_distilled, choice.words) == (True, teacher.name)
    student = opened(choice)
    np.testing.assert_array_equal(student.text_arrays(TEXTS), before)
    assert student.preprocessing.size == (32, 32)
    assert student.embed_frames(np.zeros((2, 40, 50, 3), np.uint8)).shape == (2, before.shape[1])
    assert student.knows(before).shape == (2,)


def test_nobody_is_warned_of_random_weights_that_are_replaced_at_once(folder, caplog):
    load_model(choose_model(str(folder)), talk=print)
    assert caplog.records == []


def test_it_is_chosen_by_its_file_too_and_both_files_are_its_weights(folder):
    choice = choose_model(str(folder))
    assert choose_model("distilled:bundled", weights=folder / "pictures.safetensors") == choice
    assert [file.name for file in weight_files(choice)] == [
        "pictures.safetensors", "words.safetensors"
    ]  # fmt: skip


def test_other_weights_are_another_model(folder, tmp_path):
    torch.manual_seed(5)
    put(tmp_path / "other", ModelChoice("bundled"))
    one, other = (opened(choose_model(str(at))).identity for at in (folder, tmp_path / "other"))
    assert one.model == other.model == "distilled:bundled"
    assert one.frames_digest != other.frames_digest


def test_what_cannot_be_meant_is_told_in_a_sentence(folder, tmp_path):
    for typed, more, told in (
        (str(tmp_path), {}, "holds no model: 'kinodex distil --out' makes such a folder"),
        ("distilled:bundled", {}, "name that folder with --model"),
        (str(folder), {"pretrained": "x"}, "brings its own weights: leave the others out"),
        (str(tmp_path / "nowhere"), {}, "there is no model named"),
    ):
        with pytest.raises(ModelUnavailable, match=told):
            choose_model(typed, **more)


@pytest.mark.parametrize("name", ["pictures.safetensors", "words.safetensors"])
def test_a_file_that_is_gone_or_damaged_is_named(folder, name):
    choice = choose_model(str(folder))
    content = (folder / name).read_bytes()
    for rest in (content[:1000], b""):
        (folder / name).write_bytes(rest)
        with pytest.raises(ModelUnavailable, match=f"{name}' is damaged, or Kinodex did not"):
            load_model(choice, talk=print)
    (folder / name).unlink()
    with pytest.raises(ModelUnavailable, match=f"there is no .*{name}': bring the folder back"):
        load_model(choice, talk=print)


def test_words_of_another_model_are_refused(folder):
    from safetensors.torch import load_file, save_file

    words = load_file(folder / "words.safetensors")
    words["logit_scale"] += 1
    save_file(words, folder / "words.safetensors")
    with pytest.raises(ModelUnavailable, match="belongs to another model than pictures"):
        load_model(choose_model(str(folder)), talk=print)


def test_words_of_another_size_are_damage(folder):
    from safetensors.torch import load_file, save_file

    words = load_file(folder / "words.safetensors")
    words["text_projection"] = words["text_projection"][:, :-1].contiguous()
    save_file(words, folder / "words.safetensors")
    with pytest.raises(ModelUnavailable, match=r"words\.safetensors"):
        load_model(choose_model(str(folder)), talk=print)


def test_a_folder_of_another_teacher_is_not_taken_for_it(folder):
    file = folder / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"teacher": "imagenet"}))
    with pytest.raises(ModelUnavailable, match="holds distilled:bundled, not distilled:imagenet"):
        load_model(choose_model(str(folder)), talk=print)


def test_a_teacher_that_wants_more_than_a_vector_is_refused():
    class Captioner(torch.nn.Module):
        def encode_image(self, pictures: torch.Tensor) -> torch.Tensor:
            embeddings, _tokens = self.visual(pictures)
            return embeddings

    tower = make_student(StudentShape("test_resnet", 32, 8), pretrained=False)
    with pytest.raises(StudentUnfit, match="a Captioner wants more of its picture tower than one"):
        with_student(Captioner(), tower, {"size": (32, 32)})
