"""How a model and a head are named."""

from pathlib import Path

from models.identity import HeadChoice, HeadIdentity, ModelChoice


def test_a_model_is_named_with_its_tag_or_its_file():
    assert str(ModelChoice("bundled")) == "bundled"
    assert str(ModelChoice("ViT-B-32", "openai")) == "ViT-B-32 (openai)"
    assert str(ModelChoice("ViT-B-32", weights=Path("/a/b/mine.pt"))) == "ViT-B-32 (mine.pt)"


def test_a_head_is_named_with_its_file_and_typed_by_it():
    assert (str(HeadChoice()), HeadChoice().option) == ("meanP", "meanP")
    trained = HeadChoice("seqLSTM", Path("/a/head.safetensors"))
    assert str(trained) == "seqLSTM (head.safetensors)"
    assert trained.option == "/a/head.safetensors"


def test_a_head_without_weights_has_no_digest():
    assert HeadIdentity("meanP") == HeadIdentity("meanP", None)
