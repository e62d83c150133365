"""Networks of timm as picture towers, and the sentences for those that cannot be."""

import pytest
import torch

from models.clip.preprocess import Preprocessing
from models.clip.student_folders import StudentShape
from models.clip.students import (
    StudentUnfit,
    check_square,
    has_imagenet_weights,
    make_student,
    student_preprocessing,
)
from models.imagenet.packages import is_installed
from models.towers.hooked import HookedTower


def shape(network: str, side: int = 32, stages: int | None = None) -> StudentShape:
    return StudentShape(network, side, 24, stages)


@pytest.mark.parametrize(
    ("network", "stages"),
    [("test_resnet", None), ("test_resnet", 3), ("test_vit", None), ("test_vit", 2)],
)
def test_any_network_gives_embeddings_of_the_teachers_width(network, stages):
    tower = make_student(shape(network, stages=stages), pretrained=False).eval()
    assert tower(torch.zeros(3, 3, 32, 32)).shape == (3, 24)


def test_fewer_stages_are_a_smaller_network():
    towers = [make_student(shape("test_resnet", 32, n), pretrained=False) for n in (None, 3)]
    whole, cut = (sum(one.numel() for one in tower.parameters()) for tower in towers)
    assert cut < whole / 2


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (
            shape("test_resnett"),
            "timm has no network named 'test_resnett'; did you mean test_resnet",
        ),
        (shape("test_resnet", stages=9), "it has 5 stages, and 9 cannot be kept of them"),
        (shape("test_resnet", stages=0), "it has 5 stages, and 0 cannot be kept of them"),
        (shape("vit_tiny_patch16_224", side=8), "cannot be a student for pictures of 8 × 8 pixels"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(wanted, told):
    with pytest.raises(StudentUnfit, match=told):
        make_student(wanted, pretrained=False)


def test_a_network_that_gives_a_sequence_is_refused(monkeypatch):
    def sequences(*_: object, **__: object) -> torch.nn.Module:
        class Sequences(torch.nn.Module):
            def reset_classifier(self, classes: int) -> None:
                """It has none."""

            def forward(self, pictures: torch.Tensor) -> torch.Tensor:
                return pictures.flatten(2)

        return Sequences()

    monkeypatch.setattr("timm.create_model", sequences)
    with pytest.raises(StudentUnfit, match="it gives a sequence or a map, where one vector is"):
        make_student(shape("test_vit"), pretrained=False)


def test_only_a_teacher_of_square_pictures_can_have_one():
    tall = Preprocessing((64, 32), (0.5,) * 3, (0.5,) * 3, "bicubic", "shortest", 0)
    with pytest.raises(StudentUnfit, match="the teacher's pictures have 32 × 64 pixels"):
        check_square(tall)


def test_pictures_are_the_teachers_but_for_size_and_where_weights_want_others():
    teacher = {"size": 64, "mean": (0.1, 0.2, 0.3), "std": (1, 1, 1), "resize_mode": "longest"}
    fresh = student_preprocessing(teacher, shape("test_vit"), pretrained=False)
    assert fresh == teacher | {"size": (32, 32)}
    learnt = student_preprocessing(teacher, shape("efficientnet_lite0"), pretrained=True)
    assert (learnt["mean"], learnt["resize_mode"]) == ((0.5, 0.5, 0.5), "longest")


@pytest.mark.skipif(not is_installed(), reason="kinodex[imagenet] is not installed")
def test_imagenets_weights_are_those_of_the_package():
    from models.imagenet.packages import classifier_weights

    assert has_imagenet_weights("efficientnet_lite0")
    assert not has_imagenet_weights("test_resnet")
    for stages in (None, 2):
        tower = make_student(shape("efficientnet_lite0", 32, stages), pretrained=True)
        first = next(iter(classifier_weights().values()))
        assert any(torch.equal(one, first) for one in tower.state_dict().values())


@pytest.mark.skipif(not is_installed(), reason="kinodex[imagenet] is not installed")
def test_only_a_network_that_begins_from_nothing_takes_statistics_of_the_frames():
    for pretrained, changes in ((True, False), (False, True)):
        tower = make_student(shape("efficientnet_lite0", 32, 2), pretrained=pretrained).train()
        before = {name: one.clone() for name, one in tower.state_dict().items()}
        tower(torch.rand(4, 3, 32, 32))
        after = tower.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before) == changes


@pytest.mark.parametrize(("network", "stages"), [("test_resnet", 3), ("test_vit", 2)])
def test_a_network_cut_short_tells_of_the_maps_that_are_left_for_sketches(network, stages):
    tower = make_student(shape(network, stages=stages), pretrained=False).eval()
    hooked = HookedTower(tower, 32)
    assert hooked.stages == stages
    pictures = torch.rand(2, 3, 32, 32)
    maps, embeddings = hooked(pictures, hooked.middle_layers, True)
    assert len(maps) == len(hooked.middle_layers) > 0
    assert torch.equal(embeddings, tower(pictures))
