"""Saving and loading heads, each with a card that says what it was trained on."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.choice import (
    BUNDLED,
    MEAN_POOLING,
    EncoderIdentity,
    HeadChoice,
    HeadIdentity,
    ModelChoice,
)
from models.clip4clip import LooseHead, make_head
from models.errors import KinodexError
from models.head_config import HEAD_NAMES, HeadConfig
from models.tight import TightTransf

HEAD_FILE = "head.safetensors"
BACKBONE_FILE = "backbone.safetensors"

_BUNDLED_HEAD = Path(__file__).parent / "bundled" / HEAD_FILE
# The card travels inside the weights file, so that one file cannot belong to another's card.
_CARD_KEY = "kinodex_head"


class HeadMismatch(KinodexError):
    """The head cannot be used here: its file is damaged, or it was made for another model."""


@dataclass(frozen=True)
class HeadCard:
    """What a trained head is, and where it comes from.

    encoder: the backbone that it was trained with
    pretrained: that backbone's tag, if it had one
    dataset: what it was trained on, in words
    figures: what was measured, by name
    logit_scale: as CLIP stores it, the natural logarithm of the factor on the cosines
    frames: how many frames a video had in training, at most
    frame_rate: of how many a second they were chosen; 0 for all, which spreads them over any video
    """

    config: HeadConfig
    encoder: EncoderIdentity
    pretrained: str | None
    dataset: str
    figures: dict[str, Any]
    logit_scale: float
    frames: int
    frame_rate: float = 1.0

    def to_json(self) -> str:
        """What `from_json` makes the same card of."""
        return json.dumps(asdict(self) | {"config": self.config.to_dict()}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "HeadCard":
        """Raises ValueError, TypeError, KeyError or KinodexError for what is no card."""
        values = json.loads(text)
        config = HeadConfig.from_dict(values.pop("config"))
        return cls(config=config, encoder=EncoderIdentity(**values.pop("encoder")), **values)


@dataclass(frozen=True)
class LoadedHead:
    """A head in evaluation mode on the CPU; card and file only where it was trained."""

    head: LooseHead | TightTransf
    card: HeadCard | None
    identity: HeadIdentity
    file: Path | None


def save_head(
    file: Path,
    head: LooseHead | TightTransf,
    card: HeadCard,
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write FILE.safetensors with weights and card, and the card once more as FILE.json to read.

    Each file is replaced as a whole.
    """
    if file.suffix != ".safetensors":
        raise ValueError(f"a head file ends in .safetensors, not {file.suffix!r}")
    text = card.to_json()
    with replaced_whole(file) as unfinished:
        save_file(_plain(head.state_dict(), dtype), unfinished, metadata={_CARD_KEY: text})
    with replaced_whole(file.with_suffix(".json")) as unfinished:
        unfinished.write_text(text + "\n", encoding="utf-8")


def save_backbone(file: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write the state dict of an open_clip model, for use with --weights. Replaced as a whole."""
    with replaced_whole(file) as unfinished:
        save_file(_plain(state), unfinished)


def load_head(choice: HeadChoice, encoder: EncoderIdentity, dim: int) -> LoadedHead:
    """The chosen head, for frame embeddings of width `dim` that `encoder` makes.

    A file says itself which head it holds; the choice's name then matters only when it is not
    meanP. Raises HeadMismatch when the file is missing or damaged or fits something else.
    """
    if choice.file is None:
        return LoadedHead(_without_file(choice.name, dim), None, HeadIdentity(choice.name), None)
    file = choice.file.expanduser()
    card, tensors = _read(file)
    if choice.name not in (MEAN_POOLING, card.config.name):
        raise HeadMismatch(
            f"{file.name!r} holds a {card.config.name}, not a {choice.name}: give another file"
        )
    _check_encoder(file, card, encoder, dim)
    head = _assemble(file, card.config, tensors)
    return LoadedHead(head, card, _identity(head), file)


def read_card(file: Path) -> HeadCard:
    """The card of a saved head, without its weights. Raises HeadMismatch."""
    return _read(file, weights=False)[0]


def default_head(model: ModelChoice) -> HeadChoice:
    """The head to use where none was named: the bundled model's own, meanP for all others."""
    if model.name != BUNDLED or model.weights is not None or not _BUNDLED_HEAD.is_file():
        return HeadChoice()
    return HeadChoice(read_card(_BUNDLED_HEAD).config.name, _BUNDLED_HEAD)


@contextmanager
def replaced_whole(file: Path) -> Iterator[Path]:
    """A path to write to; afterwards it takes the file's place. A crash leaves the old file."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.touch()
    usual_mode = unfinished.stat().st_mode
    yield unfinished
    unfinished.chmod(usual_mode)  # safetensors lets nobody but the owner read its files
    with unfinished.open("rb") as stream:
        os.fsync(stream.fileno())
    unfinished.replace(file)


def _plain(
    state: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, each with memory of its own, as safetensors wants them."""
    return {
        name: tensor.detach()
        .to("cpu", dtype if tensor.is_floating_point() else None)
        .clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }


def _without_file(name: str, dim: int) -> LooseHead | TightTransf:
    if name not in HEAD_NAMES:
        raise HeadMismatch(f"there is no head named {name!r}: use meanP or the file of a head")
    if name != MEAN_POOLING:
        raise HeadMismatch(
            f"{name} must be trained: give the file of a trained one "
            "('kinodex train retrieval' makes it), or use meanP"
        )
    return make_head(HeadConfig(name, dim)).eval()


def _read(file: Path, *, weights: bool = True) -> tuple[HeadCard, dict[str, torch.Tensor]]:
    if not file.is_file():
        raise HeadMismatch(f"there is no head file {str(file)!r}")
    try:
        with safe_open(file, framework="pt") as opened:
            card = HeadCard.from_json((opened.metadata() or {})[_CARD_KEY])
            names = opened.keys() if weights else []
            return card, {name: opened.get_tensor(name).float() for name in names}
    except KinodexError as error:  # a head of a kind that only a later version knows
        raise HeadMismatch(f"the head in {file.name!r} cannot be built: {error}") from error
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(file) from error


def _assemble(
    file: Path, config: HeadConfig, tensors: dict[str, torch.Tensor]
) -> LooseHead | TightTransf:
    head = make_head(config)
    try:
        head.load_state_dict(tensors)
    except RuntimeError as error:
        raise _damaged(file) from error
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise HeadMismatch(
            f"the head in {file.name!r} holds numbers that are not finite: train it again"
        )
    return head.eval()


def _damaged(file: Path) -> HeadMismatch:
    return HeadMismatch(
        f"{file.name!r} is not a readable head: the file is damaged, or Kinodex did not save it"
    )


def _check_encoder(file: Path, card: HeadCard, encoder: EncoderIdentity, dim: int) -> None:
    made_for = card.encoder
    if made_for.model != encoder.model:
        problem = f"was trained with {made_for.model}, not with {encoder.model}"
    elif card.config.dim != dim:
        problem = f"takes embeddings of width {card.config.dim}, {encoder.model} gives {dim}"
    elif not _same_frames(made_for, encoder):
        problem = f"was trained on frames that another {encoder.model} encoded"
    elif made_for.weights_digest != encoder.weights_digest:
        problem = f"belongs to another text tower than this {encoder.model} has"
    else:
        return
    raise HeadMismatch(f"the head in {file.name!r} {problem}: {_way_out(file, card, encoder)}")


def _same_frames(one: EncoderIdentity, other: EncoderIdentity) -> bool:
    # The card's preprocessing came through JSON, which knows no tuples.
    same_pictures = one.preprocessing == json.loads(json.dumps(other.preprocessing))
    return one.frames_digest == other.frames_digest and same_pictures


def _way_out(file: Path, card: HeadCard, encoder: EncoderIdentity) -> str:
    """What to type so that the head gets the model that it was trained with."""
    model = card.encoder.model
    backbone = file.with_name(BACKBONE_FILE)
    if backbone.is_file():
        return f"give the weights saved with it, --model {model} --weights {str(backbone)!r}"
    if card.pretrained:
        return f"choose --model {model} --pretrained {card.pretrained}"
    if model != encoder.model:
        return f"choose --model {model}, with the weights it was trained with"
    return "give --weights with the model weights it was trained with, or train it again"


def _identity(head: LooseHead | TightTransf) -> HeadIdentity:
    if head.config.name == MEAN_POOLING:
        return HeadIdentity(MEAN_POOLING)
    digest = hashlib.blake2b(json.dumps(head.config.to_dict()).encode(), digest_size=16)
    for name, tensor in sorted(head.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return HeadIdentity(head.config.name, digest.hexdigest())
