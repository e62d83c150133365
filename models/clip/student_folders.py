"""Folders that `kinodex distil` makes, and how they are named as models. Free of torch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.errors import ModelUnavailable
from models.files import typed_path
from models.identity import DISTILLED_PREFIX, ModelChoice

PICTURES_FILE = "pictures.safetensors"
WORDS_FILE = "words.safetensors"
CARD_FILE = "model.json"
# The card travels inside the weights file, so that one file cannot belong to another's card.
CARD_KEY = "kinodex_student"


@dataclass(frozen=True)
class StudentShape:
    """What a student is built by.

    network: its name in timm
    side: of its square pictures, in pixels
    dim: the width of the teacher's embeddings
    stages: how many of the network's stages there are, counted from the pictures; None for all
    """

    network: str
    side: int
    dim: int
    stages: int | None = None


@dataclass(frozen=True)
class StudentCard:
    """What a folder holds.

    teacher: the name of the model whose words are kept, and whose embeddings were learnt
    pretrained: that model's tag, if it has one
    preprocessing: as open_clip writes it
    words_digest: of the text tower beside, see `models.clip.card.weights_digest`
    learnt_from: on what, in words
    figures: what was measured on frames that were held out, by name
    """

    teacher: str
    pretrained: str | None
    shape: StudentShape
    preprocessing: dict[str, Any]
    words_digest: str
    learnt_from: str
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How the model is called where models are told apart."""
        return DISTILLED_PREFIX + self.teacher

    def to_json(self) -> str:
        """What `from_json` makes the same card of."""
        return json.dumps(asdict(self), indent=2, default=list)

    @classmethod
    def from_json(cls, text: str) -> "StudentCard":
        """Raises ValueError, TypeError or KeyError for what is no card."""
        values = json.loads(text)
        return cls(**values | {"shape": StudentShape(**values["shape"])})


def chosen_folder(
    typed: str, *, pretrained: str | None = None, weights: Path | None = None
) -> ModelChoice | None:
    """The model in a folder that was typed, or None where no such folder is meant.

    "distilled:NAME" with its file of weights means the folder in which that lies.

    Raises ModelUnavailable for a folder that holds no model.
    """
    if typed.startswith(DISTILLED_PREFIX):
        if weights is None:
            raise ModelUnavailable(f"{typed!r} lies in a folder: name that folder with --model")
        return _in_folder(typed_path(weights).parent)
    folder = typed_path(typed)
    # An open_clip name beside which a folder of this name lies by chance means the model.
    is_path = "/" in typed or "\\" in typed or typed.startswith((".", "~"))
    if not folder.is_dir() or not (is_path or (folder / CARD_FILE).is_file()):
        return None
    if pretrained or weights is not None:
        raise ModelUnavailable(f"{typed!r} brings its own weights: leave the others out")
    return _in_folder(folder)


def _in_folder(folder: Path) -> ModelChoice:
    folder = folder.resolve()
    try:
        card = StudentCard.from_json((folder / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(
            f"{str(folder)!r} holds no model: 'kinodex distil --out' makes such a folder"
        ) from error
    return ModelChoice(card.name, weights=folder / PICTURES_FILE)
