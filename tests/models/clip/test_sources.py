"""Which models can be had, and what is said of those that cannot."""

import pytest

from models.clip.sources import ModelUnavailable, choose_model, load_model


@pytest.mark.parametrize(
    ("name", "tag"),
    [("xlm-roberta-base-ViT-B-32", "laion5b_s13b_b90k"), ("ViT-B-16-SigLIP-i18n-256", "webli")],
)
def test_a_multilingual_model_says_which_package_it_needs(name, tag, monkeypatch):
    monkeypatch.setattr("models.clip.sources.find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'kinodex\[languages\]'"):
        load_model(choose_model(name, pretrained=tag), talk=print)
