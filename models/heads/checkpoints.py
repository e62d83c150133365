"""Saving and loading heads, each with a card that says what it was trained on."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from models.errors import KinodexError
from models.files import replaced_whole, typed_path
from models.heads.card import HeadCard
from models.heads.config import ACTION_HEADS, HEAD_NAMES, HeadConfig
from models.heads.fit import HeadMismatch, check_encoder, check_labels
from models.heads.loose import LooseHead
from models.heads.make import make_head
from models.heads.tight import TightTransf
from models.identity import (
    ACTION_MEAN_POOLING,
    BUNDLED,
    MEAN_POOLING,
    EncoderIdentity,
    HeadChoice,
    HeadIdentity,
    ModelChoice,
)
from models.tensor_files import plain, write_tensors

HEAD_FILE = "head.safetensors"
ACTIONS_FILE = "actions.safetensors"

_BUNDLED_HEAD = Path(__file__).parents[1] / "bundled" / HEAD_FILE
_BUNDLED_ACTIONS = Path(__file__).parents[1] / "bundled" / ACTIONS_FILE
# The card travels inside the weights file, so that one file cannot belong to another's card.
_CARD_KEY = "kinodex_head"
# What stands before the names of weights that belong to the picture tower.
_VISUAL = "visual."
_ACTION_TRAINING = "'kinodex train actions'"


@dataclass(frozen=True)
class LoadedHead:
    """A head in evaluation mode on the CPU; card and file only where it was trained.

    visual_state: what a picture tower has beside its own weights (the table of Joint), by name
    """

    head: LooseHead | TightTransf
    card: HeadCard | None
    identity: HeadIdentity
    file: Path | None
    visual_state: dict[str, torch.Tensor] = field(default_factory=dict)


def save_head(
    file: Path,
    head: LooseHead | TightTransf,
    card: HeadCard,
    *,
    dtype: torch.dtype = torch.float32,
    visual_state: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write FILE.safetensors with weights and card, and the card once more as FILE.json to read.

    Each file is replaced as a whole. `visual_state`: see `LoadedHead`.
    """
    if file.suffix != ".safetensors":
        raise ValueError(f"a head file ends in .safetensors, not {file.suffix!r}")
    text = card.to_json()
    weights = head.state_dict() | {_VISUAL + name: t for name, t in (visual_state or {}).items()}
    write_tensors(file, plain(weights, dtype), {_CARD_KEY: text})
    with replaced_whole(file.with_suffix(".json"), durable=True, one_writer=True) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def save_backbone(file: Path, state: Mapping[str, torch.Tensor]) -> None:
    """Write the state dict of an open_clip model, for use with --weights. Replaced as a whole."""
    write_tensors(file, plain(state))


def load_head(choice: HeadChoice, encoder: EncoderIdentity, dim: int) -> LoadedHead:
    """The chosen head for retrieval, for frame embeddings of width `dim` that `encoder` makes.

    A file says itself which head it holds; the choice's name then matters only when it is not
    meanP. Raises HeadMismatch when the file is missing or damaged or fits something else.
    """
    if choice.file is None:
        return LoadedHead(_without_file(choice.name, dim), None, HeadIdentity(choice.name), None)
    file, card, tensors = _read_chosen(choice)
    if card.config.name in ACTION_HEADS:
        raise HeadMismatch(
            f"{file.name!r} holds a {card.config.name}, a head for actions: "
            "use it with 'kinodex tag --head'"
        )
    check_encoder(file, card, encoder, dim)
    return _assemble(file, card, tensors)


def load_action_head(
    choice: HeadChoice,
    encoder: EncoderIdentity,
    dim: int,
    *,
    labels: Sequence[str] | None = None,
    visuals: Collection[str] = ("plain",),
) -> LoadedHead:
    """The chosen head for actions; MeanP without a file.

    labels: where given, a head that was trained on another list is refused
    visuals: which of `ActionCard.visual` the caller can serve; only "plain" reads stored frames

    Raises HeadMismatch.
    """
    if choice.file is None:
        head = _action_head_without_file(choice.name, dim)
        return LoadedHead(head, None, HeadIdentity(ACTION_MEAN_POOLING), None)
    file, card, tensors = _read_chosen(choice)
    if card.action is None or card.config.name not in ACTION_HEADS:
        raise HeadMismatch(
            f"{file.name!r} holds a {card.config.name}, a head for search: give a head for actions "
            f"({_ACTION_TRAINING} makes it), or {ACTION_MEAN_POOLING}"
        )
    check_encoder(file, card, encoder, dim)
    if card.action.visual not in visuals:
        raise HeadMismatch(
            f"the head in {file.name!r} belongs to a picture tower that sees several frames at "
            f"once ({card.action.visual}), which stored frames cannot serve: "
            "give one that was trained with --visual plain"
        )
    check_labels(file, card.action.labels, labels)
    return _assemble(file, card, tensors)


def read_card(file: Path) -> HeadCard:
    """The card of a saved head, without its weights. Raises HeadMismatch."""
    return _read(file, weights=False)[0]


def default_head(model: ModelChoice) -> HeadChoice:
    """The head to use where none was named: the one that comes with the model, else meanP."""
    return _that_comes_with(model, _BUNDLED_HEAD) or HeadChoice()


def default_action_head(model: ModelChoice) -> HeadChoice:
    """The same for actions, else MeanP."""
    return _that_comes_with(model, _BUNDLED_ACTIONS) or HeadChoice(ACTION_MEAN_POOLING)


def _that_comes_with(model: ModelChoice, bundled: Path) -> HeadChoice | None:
    """The bundled model has its own, and a distilled one those that its folder holds."""
    file = bundled
    if model.is_distilled and model.weights is not None:
        file = model.weights.with_name(bundled.name)
    elif model.name != BUNDLED or model.weights is not None:
        return None
    return HeadChoice(read_card(file).config.name, file) if file.is_file() else None


def _without_file(name: str, dim: int) -> LooseHead | TightTransf:
    if name not in HEAD_NAMES:
        raise HeadMismatch(f"there is no head named {name!r}: use meanP or the file of a head")
    if name != MEAN_POOLING:
        raise HeadMismatch(
            f"{name} must be trained: give the file of a trained one "
            "('kinodex train retrieval' makes it), or use meanP"
        )
    return make_head(HeadConfig(name, dim)).eval()


def _action_head_without_file(name: str, dim: int) -> LooseHead | TightTransf:
    if name not in (MEAN_POOLING, *ACTION_HEADS):
        raise HeadMismatch(
            f"there is no head for actions named {name!r}: use {ACTION_MEAN_POOLING} or the file "
            "of a trained one"
        )
    if name not in (MEAN_POOLING, ACTION_MEAN_POOLING):
        raise HeadMismatch(
            f"{name} must be trained: give the file of a trained one ({_ACTION_TRAINING} makes "
            f"it), or use {ACTION_MEAN_POOLING}"
        )
    return make_head(HeadConfig(ACTION_MEAN_POOLING, dim)).eval()


def _read_chosen(choice: HeadChoice) -> tuple[Path, HeadCard, dict[str, torch.Tensor]]:
    """Raises HeadMismatch when the file holds another head than was named."""
    file = typed_path(choice.file)  # type: ignore[arg-type]
    card, tensors = _read(file)
    if choice.name not in (MEAN_POOLING, ACTION_MEAN_POOLING, card.config.name):
        raise HeadMismatch(
            f"{file.name!r} holds a {card.config.name}, not a {choice.name}: give another file"
        )
    return file, card, tensors


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


def _assemble(file: Path, card: HeadCard, tensors: dict[str, torch.Tensor]) -> LoadedHead:
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise HeadMismatch(
            f"the head in {file.name!r} holds numbers that are not finite: train it again"
        )
    identity = _identity(card.config, tensors)
    visual = {name: tensors.pop(name) for name in list(tensors) if name.startswith(_VISUAL)}
    if not _is_described(tensors, card.config):
        raise _damaged(file)
    head = make_head(card.config)
    head.load_state_dict(tensors)
    head.frames_learnt = card.frames_learnt
    visual_state = {name.removeprefix(_VISUAL): tensor for name, tensor in visual.items()}
    return LoadedHead(head.eval(), card, identity, file, visual_state)


def _is_described(tensors: Mapping[str, torch.Tensor], config: HeadConfig) -> bool:
    """Whether the weights are those of this head; nothing as large as it claims to be is made."""
    try:
        with torch.device("meta"):
            expected = make_head(config).state_dict()
    except (RuntimeError, TypeError, ValueError):  # sizes beyond all numbers, words for numbers
        return False
    found = {name: tensor.shape for name, tensor in tensors.items()}
    return found == {name: tensor.shape for name, tensor in expected.items()}


def _damaged(file: Path) -> HeadMismatch:
    return HeadMismatch(
        f"{file.name!r} is not a readable head: the file is damaged, or Kinodex did not save it"
    )


def _identity(config: HeadConfig, tensors: Mapping[str, torch.Tensor]) -> HeadIdentity:
    if not tensors:
        return HeadIdentity(config.name)
    digest = hashlib.blake2b(json.dumps(config.to_dict()).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return HeadIdentity(config.name, digest.hexdigest())
