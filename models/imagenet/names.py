"""Writes the sentence embeddings of the classifier's class names, which ship with the program.

python -m models.imagenet.names
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.imagenet.joint import NAMES_FILE, class_texts
from models.imagenet.sentences import load_sentence_encoder, load_tokenizer

_AT_ONCE = 100


@torch.inference_mode()
def encoded_names() -> torch.Tensor:
    """The embeddings, (classes, width), float32. Raises PackageUnusable."""
    encoder, tokenize = load_sentence_encoder(), load_tokenizer()
    return torch.cat([encoder(tokenize(some)) for some in _parcels(class_texts())])


def _parcels(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _AT_ONCE):
        yield texts[start : start + _AT_ONCE]


def main(file: Path = NAMES_FILE) -> None:
    save_file({"names": encoded_names().half()}, file)


if __name__ == "__main__":
    main()
