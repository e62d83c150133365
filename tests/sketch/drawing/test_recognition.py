import pytest
import torch

from sketch.drawing.recognition import Recogniser, named
from tests.sketch.stills import bundled, still

THINGS = ["cat", "owl", "bus", "pizza"]


def test_the_bundled_model_names_its_things() -> None:
    recogniser = Recogniser(bundled(), [[f"a photo of a {thing}"] for thing in THINGS])
    pictures = [still(thing, "grass", size=0.7) / 255 for thing in THINGS]
    assert named(recogniser.scores(pictures), range(4)) == (100, 100)


def test_grey_pictures_are_taken_too() -> None:
    recogniser = Recogniser(bundled(), [["a cat", "a photo of a cat"], ["a bus"]])
    scores = recogniser.scores([still("cat", "grass")[..., 0] / 255])
    assert scores.shape == (1, 2)
    assert float(scores.abs().max()) <= 1


def test_first_and_among_three_are_counted_in_percent() -> None:
    scores = torch.tensor([[0.9, 0.5, 0.4, 0.3], [0.9, 0.5, 0.4, 0.3]])
    assert named(scores, [0, 2]) == (50, 100)
    assert named(scores, [3, 3]) == (0, 0)


def test_pictures_and_labels_must_agree_in_number() -> None:
    with pytest.raises(ValueError):
        named(torch.zeros(2, 3), [0])
