"""Pictures and words in one space: on two photographs that a package carries, and by formula."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_sample_images
from torch import nn
from torch.nn import functional as F

from models.clip.backbone import Backbone, load_backbone
from models.identity import ModelChoice
from models.imagenet.joint import PictureTower, TextTower, class_texts, read_class_names
from models.imagenet.names import main as write_names

DIM = 384 + 1000


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(ModelChoice("imagenet"), device="cpu")


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    """A Chinese temple, and a flower: uint8 RGB (2, height, width, 3)."""
    return np.stack(load_sample_images().images)


def cosines(backbone: Backbone, frames: np.ndarray, texts: list[str]) -> np.ndarray:
    pictures = F.normalize(backbone.embed_frames(frames), dim=-1)
    return (F.normalize(backbone.embed_texts(texts), dim=-1) @ pictures.T).numpy()


@pytest.mark.parametrize(
    ("right", "texts"),
    [
        (0, ["a temple", "an old Chinese palace", "a building beside a lake", "architecture"]),
        (1, ["a flower", "orange petals", "a plant in a garden", "a daisy in bloom"]),
    ],
)
def test_free_words_are_nearer_to_the_photograph_that_they_tell_of(
    backbone, photographs, right, texts
):
    assert cosines(backbone, photographs, texts).argmax(axis=1).tolist() == [right] * len(texts)


def test_a_picture_is_a_query_for_its_like(backbone, photographs):
    mirrored = photographs[:, :, ::-1].copy()
    pictures = F.normalize(backbone.embed_frames(photographs), dim=-1)
    like = F.normalize(backbone.embed_frames(mirrored), dim=-1) @ pictures.T
    assert like.diagonal().min() > 0.9
    assert like[0, 1] < 0.5


def test_frames_are_prepared_as_the_classifier_was_trained(backbone):
    assert (backbone.dim, backbone.preprocessing.size) == (DIM, (224, 224))
    white = torch.full((1, 3, 224, 224), 255, dtype=torch.uint8)
    torch.testing.assert_close(backbone.preprocessing.normalise(white), torch.ones(1, 3, 224, 224))
    assert backbone.identity.model == "imagenet"
    assert math.exp(backbone.logit_scale) == pytest.approx(20)


def test_a_classifier_that_is_sure_says_its_class_and_one_that_is_not_says_little():
    names = F.normalize(torch.eye(4, 6) + 0.1, dim=-1)
    tower = PictureTower(nn.Identity(), names)
    sure, unsure = tower(torch.tensor([[40.0, 0, 0, 0], [0.0, 0, 0, 0]]))
    middle = names.mean(dim=0)
    torch.testing.assert_close(sure[:6], names[0] - middle)
    torch.testing.assert_close(sure[6:], torch.tensor([2.0, 0, 0, 0]))
    torch.testing.assert_close(unsure, torch.zeros(10), atol=1e-6, rtol=0)


def test_only_classes_that_stand_out_are_shown():
    tower = PictureTower(nn.Identity(), torch.eye(4))
    shown = tower(torch.tensor([[5.0, 3.0, 1.0, -1.0]]))[0, 4:]
    torch.testing.assert_close(shown, 2 * F.normalize(torch.tensor([3.0, 1.0, 0.0, 0.0]), dim=0))


def test_a_text_is_its_meaning_and_the_classes_that_it_is_near():
    names = F.normalize(torch.eye(4) + 0.2, dim=-1)
    tower = TextTower(lambda ids: names[ids[:, 0]], names)
    [text] = tower(torch.tensor([[2]]))
    torch.testing.assert_close(text[:4], F.normalize(names[2] - names.mean(dim=0), dim=0))
    near = (names @ names[2] / 0.08).softmax(dim=0) - 0.25
    torch.testing.assert_close(text[4:], 2 * F.normalize(near, dim=0))
    assert text[4:].argmax() == 2


def test_a_text_is_known_by_the_class_that_is_nearest_to_it(backbone):
    texts = ["a tench", "a cup of coffee", "a tall tower", "money", "a group of friends"]
    embeddings = backbone.text_arrays(texts)
    assert backbone.knows(embeddings).tolist() == [True, True, True, False, False]
    shorter = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)  # as in searches
    assert backbone.knows(shorter).tolist() == [True, True, True, False, False]
    names = backbone.model.visual.names
    centred = F.normalize(names - names.mean(dim=0), dim=-1)
    own = torch.cat([centred[7:9], torch.zeros(2, 1000)], dim=1).numpy()
    np.testing.assert_allclose(backbone.known.nearness(own), 1, atol=1e-6)


def test_the_class_names_that_ship_are_those_that_the_command_writes(tmp_path):
    shipped = read_class_names()
    assert shipped.shape == (1000, 384)
    assert class_texts()[:2] == ["a photo of a tench", "a photo of a goldfish"]
    write_names(tmp_path / "names.safetensors")
    written = load_file(tmp_path / "names.safetensors")["names"]
    assert written.dtype == torch.float16
    torch.testing.assert_close(written.float(), shipped, atol=1e-3, rtol=0)


def test_small_and_odd_pictures_are_read(backbone):
    for size in ((1, 1), (30, 400)):
        grey = np.array(Image.new("RGB", size, "grey"))[None]
        assert backbone.embed_frames(grey).isfinite().all()
