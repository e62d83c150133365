"""The bundled model as open_clip builds it: its configuration, weights and vocabulary."""

from pathlib import Path
from typing import Any

import torch

_FOLDER = Path(__file__).parents[1] / "bundled"
_NAME = "kinodex-small"
BUNDLED_WEIGHTS = _FOLDER / "weights.safetensors"


def bundled_network(weights: Path | None, **how: Any) -> torch.nn.Module:
    """The network with the weights of a file, or without any; how: as of `open_clip.create_model`.

    Raises what open_clip and torch raise for a file that does not fit.
    """
    import open_clip

    open_clip.add_model_config(_FOLDER / f"{_NAME}.json")
    return open_clip.create_model(_NAME, pretrained=str(weights) if weights else None, **how)


def bundled_tokenizer(model: Any) -> Any:
    """What reads its words."""
    import open_clip

    return open_clip.tokenizer.SimpleTokenizer(
        bpe_path=str(_FOLDER / "bpe.txt.gz"), context_length=model.context_length
    )
