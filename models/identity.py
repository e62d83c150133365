"""Which model and which head are meant. Free of torch: who loads no model starts at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUNDLED = "bundled"
IMAGENET = "imagenet"  # a picture classifier and a sentence encoder that pip packages carry
RANDOM = "random"  # the tag for untrained weights: for speed and memory figures only
HUB_PREFIX = "hf-hub:"
# Stands before the name of the model whose words a distilled one has kept.
DISTILLED_PREFIX = "distilled:"


@dataclass(frozen=True)
class ModelChoice:
    """What the user asked for.

    name: "bundled", "imagenet", an open_clip name, "hf-hub:ORG/REPO", or one of these after
        "distilled:", with weights in a folder that `kinodex distil` made
    """

    name: str
    pretrained: str | None = None
    weights: Path | None = None

    def __str__(self) -> str:
        detail = self.weights.name if self.weights else self.pretrained
        if self.is_distilled and self.weights:
            detail = self.weights.parent.name  # the files are called the same in all folders
        return f"{self.name} ({detail})" if detail else self.name

    @property
    def is_distilled(self) -> bool:
        """Whether its picture tower is a student's."""
        return self.name.startswith(DISTILLED_PREFIX)

    @property
    def words(self) -> str:
        """The name of the model that its words come from: itself, but for a student."""
        return self.name.removeprefix(DISTILLED_PREFIX)


MEAN_POOLING = "meanP"

# The probability from which on a label is said to hold. On held-out clips of the small world,
# precision and recall of the bundled model's tags are nearly equal here.
USUAL_TAG_THRESHOLD = 0.5
ACTION_MEAN_POOLING = "MeanP"  # the same for actions, where frames are averaged as they are


@dataclass(frozen=True)
class HeadChoice:
    """The head that was asked for: a name, and for a trained one the file with its weights."""

    name: str = MEAN_POOLING
    file: Path | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.file.name})" if self.file else self.name

    @property
    def option(self) -> str:
        """The choice as it is typed after --head."""
        return str(self.file or self.name)


@dataclass(frozen=True)
class HeadIdentity:
    """What must agree before embeddings that two heads made may be compared."""

    name: str
    digest: str | None = None  # identifies the trained weights; None for meanP, which has none


@dataclass(frozen=True)
class EncoderIdentity:
    """What must agree before two embeddings may be compared.

    `frames_digest` covers the visual tower alone: where it agrees, with the preprocessing,
    stored frame embeddings serve, whatever the text tower is. `int8` is the digest of a picture
    tower that was made of it in int8, and encodes pictures in its place; None for the tower itself.
    """

    model: str
    weights_digest: str
    preprocessing: dict[str, Any]
    frames_digest: str
    int8: str | None = None
