"""What fast, good and best stand for."""

import open_clip
import pytest

from models.identity import ModelChoice
from models.named import NAMES, meant_by, name_of, usual_tag


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_each_name_stands_for_weights_that_are_published(device):
    for name in NAMES:
        choice = meant_by(name, device)
        assert choice.pretrained in open_clip.list_pretrained_tags_by_model(choice.name)
        assert name_of(choice, device) == name


def test_a_name_means_these_weights_on_this_device_only():
    assert name_of(ModelChoice("ViT-B-32", "openai"), "cpu") is None
    assert name_of(ModelChoice("ViT-B-32", "laion2b_s34b_b79k"), "cuda") is None
    assert name_of(ModelChoice("PE-Core-B-16", "meta"), "cuda") == "fast"


def test_a_model_that_has_a_name_has_usual_weights():
    assert usual_tag("ViT-B-32") == "laion2b_s34b_b79k"
    assert usual_tag("PE-Core-bigG-14-448") == "meta"
    assert usual_tag("RN50") is None
