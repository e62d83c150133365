import json
from pathlib import Path

import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import load_file

from smallworld.training.model import (
    BUNDLED_FOLDER,
    CONFIG_FILE,
    WEIGHTS_FILE,
    export_weights,
    fresh_model,
    load_own_model,
    load_tokenizer,
    write_model_definition,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_model_definition(folder)
    return folder


def test_the_vocabulary_is_as_large_as_the_configuration_says(folder: Path) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    tokenizer = load_tokenizer(folder)
    assert tokenizer.vocab_size == config["text_cfg"]["vocab_size"]
    assert tokenizer.eot_token_id == tokenizer.vocab_size - 1
    assert "" not in tokenizer.encoder


def test_the_cut_vocabulary_still_spells_everything(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    for text in ("a cat on the grass", "a hippopotamus, upside down", "zürich 猫 🐈"):
        tokens = tokenizer.encode(text)
        assert max(tokens) < tokenizer.vocab_size
        spelled = tokenizer.decode(tokens)
        assert spelled.replace(" ", "") == text.replace(" ", "")


def test_frequent_words_keep_the_tokens_of_the_full_vocabulary(folder: Path) -> None:
    full, cut = SimpleTokenizer(), load_tokenizer(folder)
    text = "a cat at the top left in the snow"
    assert cut.encode(text) == full.encode(text)


def test_exported_weights_load_again(folder: Path) -> None:
    model = fresh_model(folder).eval()
    export_weights(model, folder)
    tokens = load_tokenizer(folder)(["a cat"])
    with torch.inference_mode():
        before, after = model.encode_text(tokens), load_own_model(folder).encode_text(tokens)
    assert torch.allclose(before, after, atol=1e-2)


def test_the_bundled_definition_is_what_the_code_writes(folder: Path) -> None:
    written = {file.name: file.read_bytes() for file in folder.iterdir()}
    written.pop(WEIGHTS_FILE, None)
    assert {name: (BUNDLED_FOLDER / name).read_bytes() for name in written} == written


def test_the_bundled_model_is_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in BUNDLED_FOLDER.iterdir()) < 25_000_000
    weights = load_file(BUNDLED_FOLDER / WEIGHTS_FILE)
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {
        torch.float16
    }
