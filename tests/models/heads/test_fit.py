"""Whether a head fits a model and labels, and what is to be typed where it does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.heads.card import HeadCard
from models.heads.config import HeadConfig
from models.heads.fit import HeadMismatch, check_encoder, check_labels, same_labels
from models.identity import EncoderIdentity

TRAINED = EncoderIdentity("ViT-B-32", "weights", {"size": [32, 32]}, frames_digest="frames")


def refusal(file: Path, encoder: EncoderIdentity, *, dim: int = 64, **card: Any) -> str:
    usual: dict[str, Any] = {
        "config": HeadConfig("meanP", 64),
        "encoder": TRAINED,
        "pretrained": None,
        "dataset": "",
        "figures": {},
        "logit_scale": 4.6,
        "frames": 8,
    }
    with pytest.raises(HeadMismatch) as told:
        check_encoder(file, HeadCard(**usual | card), encoder, dim)
    return str(told.value)


@pytest.mark.parametrize(
    ("changes", "dim", "problem"),
    [
        ({"model": "RN50"}, 64, "was trained with ViT-B-32, not with RN50"),
        ({}, 32, "takes embeddings of width 64, ViT-B-32 gives 32"),
        ({"frames_digest": "x"}, 64, "was trained on frames that another ViT-B-32 encoded"),
        ({"preprocessing": {}}, 64, "was trained on frames that another ViT-B-32 encoded"),
        ({"weights_digest": "x"}, 64, "belongs to another text tower than this ViT-B-32 has"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, changes, dim, problem):
    told = refusal(tmp_path / "my.safetensors", replace(TRAINED, **changes), dim=dim)
    assert told.startswith(f"the head in 'my.safetensors' {problem}: ")


def test_the_way_out_is_what_is_known_of_the_model(tmp_path):
    file, other = tmp_path / "head.safetensors", replace(TRAINED, model="RN50")
    texts = replace(TRAINED, weights_digest="x")
    assert refusal(file, other).endswith(
        ": choose --model ViT-B-32, with the weights it was trained with"
    )
    assert refusal(file, texts).endswith(
        ": give --weights with the model weights it was trained with, or train it again"
    )
    for encoder in (other, texts):
        assert refusal(file, encoder, pretrained="openai").endswith(
            ": choose --model ViT-B-32 --pretrained openai"
        )
    beside = tmp_path / "backbone.safetensors"
    beside.write_bytes(b"")
    assert refusal(file, other, pretrained="openai").endswith(
        f": give the weights saved with it, --model ViT-B-32 --weights {str(beside)!r}"
    )


def test_labels_are_the_same_however_they_are_spelt_and_ordered():
    assert same_labels(["ApplyLipstick", "yo yo"], ["YoYo", "apply lipstick"])
    assert not same_labels(["yo yo"], ["yo yo", "diving"])


@pytest.mark.parametrize(
    ("trained", "asked", "told"),
    [
        (["a", "b"], ["a"], "(2, here are 1; 'b' is there only)"),
        (["a"], ["a", "c", "d"], "(1, here are 3; 'c' is here only)"),
        (["b", "a"], ["a", "c"], "(2, here are 2; 'b' is there only, 'c' is here only)"),
    ],
)
def test_other_labels_are_refused_by_the_first_that_differ(trained, asked, told):
    with pytest.raises(HeadMismatch) as found:
        check_labels(Path("my.safetensors"), trained, asked)
    assert str(found.value) == (
        f"the head in 'my.safetensors' was trained on other labels {told}: "
        "give the list that it was trained on"
    )


def test_labels_of_which_one_list_is_not_known_are_let_through():
    check_labels(Path("x"), [], ["a"])
    check_labels(Path("x"), ["a"], None)
    check_labels(Path("x"), ["A_b"], ["a b"])
