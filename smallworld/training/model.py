"""The bundled model's files: configuration, cut vocabulary, fresh and exported weights."""

import gzip
import json
from pathlib import Path

import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer, default_bpe
from safetensors.torch import load_file, save_file

MODEL_NAME = "kinodex-small"
CONFIG_FILE = f"{MODEL_NAME}.json"
WEIGHTS_FILE = "weights.safetensors"
MERGES_FILE = "bpe.txt.gz"
BUNDLED_FOLDER = Path(__file__).parents[2] / "models" / "bundled"

CONTEXT_LENGTH = 32
# The merges are sorted by frequency: these cover plain English, and the whole list's embedding
# table alone would be larger than the rest of the model.
MERGE_COUNT = 4096
# Single bytes, bytes that end a word, the two special tokens.
_OTHER_TOKENS = 256 + 256 + 2

_CONFIG = {
    "embed_dim": 256,
    "vision_cfg": {"image_size": 64, "layers": [1, 2, 2, 1], "width": 32, "patch_size": None},
    "text_cfg": {
        "context_length": CONTEXT_LENGTH,
        "vocab_size": MERGE_COUNT + _OTHER_TOKENS,
        "width": 192,
        "heads": 3,
        "layers": 3,
    },
}


def write_model_definition(folder: Path) -> None:
    """Write the configuration and the cut vocabulary into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_text(json.dumps(_CONFIG, indent=2) + "\n", encoding="utf-8")
    with gzip.open(default_bpe(), "rt", encoding="utf-8") as lines:
        head = [next(lines) for _ in range(1 + MERGE_COUNT)]
    # No newline at the end: the tokenizer would read it as one more, empty, merge. A fixed
    # time stamp makes the same vocabulary the same file.
    packed = gzip.compress("".join(head).rstrip("\n").encode("utf-8"), mtime=0)
    (folder / MERGES_FILE).write_bytes(packed)


def load_tokenizer(folder: Path = BUNDLED_FOLDER) -> SimpleTokenizer:
    """The tokenizer with the cut vocabulary."""
    return SimpleTokenizer(bpe_path=str(folder / MERGES_FILE), context_length=CONTEXT_LENGTH)


def fresh_model(folder: Path) -> open_clip.CLIP:
    """The model as configured in `folder`, with random weights."""
    open_clip.add_model_config(folder)
    return open_clip.create_model(MODEL_NAME, pretrained=None)


def load_own_model(folder: Path = BUNDLED_FOLDER) -> open_clip.CLIP:
    """The trained model of `folder` in float32, ready for inference."""
    model = fresh_model(folder)
    model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return model.eval()


def with_bundled_words(folder: Path, *, seed: int) -> open_clip.CLIP:
    """The model as configured in `folder`: the bundled text tower, a new picture tower."""
    torch.manual_seed(seed)
    model = fresh_model(folder)
    words = {
        name: value
        for name, value in load_own_model(BUNDLED_FOLDER).state_dict().items()
        if not name.startswith("visual.")
    }
    model.load_state_dict(words, strict=False)
    return model


def export_weights(model: open_clip.CLIP, folder: Path) -> Path:
    """Save the model's weights as float16 safetensors in `folder`."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    file = folder / WEIGHTS_FILE
    save_file(state, file)
    return file
