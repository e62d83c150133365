"""A folder with all that a model needs, as it lies on the hub: weights, words, configuration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import ModelUnavailable
from models.hub import CONFIG_FILE, TOKENIZER_FILES

WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")

_OTHER_WORD_FILES = ("sentencepiece.bpe.model", "spiece.model", "vocab.txt")
_USUAL_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)


def weights_in(folder: Path) -> Path:
    """The weight file of a folder. Raises ModelUnavailable when there is none, or several."""
    for name in _USUAL_NAMES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in WEIGHT_SUFFIXES)
    if len(found) == 1:
        return found[0]
    problem = "several weight files: name the one to use" if found else "no weight file"
    raise ModelUnavailable(f"the folder {str(folder)!r} has {problem}")


def configuration_in(folder: Path) -> dict[str, Any] | None:
    """What the folder says of its model: `model_cfg` and `preprocess_cfg`. None if nothing.

    Raises ModelUnavailable for a damaged file.
    """
    file = folder / CONFIG_FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        complete = {"embed_dim", "vision_cfg", "text_cfg"} <= found["model_cfg"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise ModelUnavailable(f"{str(file)!r} does not describe a model: download it again")
    return dict(found)


def with_words_of(folder: Path, text_config: Mapping[str, Any]) -> dict[str, Any]:
    """A text tower's configuration that takes from the folder what lies in it."""
    local = dict(text_config)
    if local.get("hf_tokenizer_name") and _has_tokenizer(folder):
        local["hf_tokenizer_name"] = str(folder)
    if local.get("hf_model_name") and _describes_text_tower(folder / "config.json"):
        local["hf_model_name"] = str(folder)
    return local


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (*TOKENIZER_FILES, *_OTHER_WORD_FILES))


def _describes_text_tower(file: Path) -> bool:
    """A repository of a whole CLIP has a config.json too, which describes something else."""
    from open_clip.hf_configs import arch_dict

    try:
        return json.loads(file.read_text(encoding="utf-8"))["model_type"] in arch_dict
    except (OSError, ValueError, KeyError, TypeError):
        return False
