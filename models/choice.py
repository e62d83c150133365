"""Which model is meant. Free of torch, so that commands which load no model start at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUNDLED = "bundled"
RANDOM = "random"  # the tag for untrained weights: for speed and memory figures only
HUB_PREFIX = "hf-hub:"


@dataclass(frozen=True)
class ModelChoice:
    """What the user asked for. `name` is "bundled", an open_clip name, or "hf-hub:ORG/REPO"."""

    name: str
    pretrained: str | None = None
    weights: Path | None = None

    def __str__(self) -> str:
        detail = self.weights.name if self.weights else self.pretrained
        return f"{self.name} ({detail})" if detail else self.name


@dataclass(frozen=True)
class EncoderIdentity:
    """What must agree before two embeddings may be compared."""

    model: str
    weights_digest: str
    preprocessing: dict[str, Any]
