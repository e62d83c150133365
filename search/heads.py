"""Which head is meant: by a name or file that was typed, and by what a library remembers."""

from collections.abc import Sequence
from pathlib import Path

from models.files import typed_path
from models.heads.checkpoints import (
    LoadedHead,
    default_action_head,
    default_head,
    load_action_head,
    load_head,
)
from models.heads.config import ACTION_HEADS, HEAD_NAMES, LOOSE
from models.heads.fit import HeadMismatch
from models.identity import EncoderIdentity, HeadChoice, ModelChoice


def choose_head(asked: str) -> HeadChoice:
    """The head for search that a name or a file's path stands for.

    Raises HeadMismatch for a file that is not there.
    """
    return _choose(asked, HEAD_NAMES, usual=LOOSE)


def choose_action_head(asked: str) -> HeadChoice:
    """The same for a head for actions."""
    return _choose(asked, ACTION_HEADS, usual=ACTION_HEADS)


def with_file(choice: HeadChoice, shipped: HeadChoice) -> HeadChoice:
    """The choice; a name without a file means the head of that name that ships with the model."""
    return shipped if choice.file is None and choice.name == shipped.name else choice


def load_fusing_head(
    choice: HeadChoice, model: ModelChoice, encoder: EncoderIdentity, dim: int
) -> LoadedHead:
    """The chosen head, which makes one embedding of a segment's frames.

    Raises HeadMismatch when there is no such trained head, when its file is damaged, when it was
    trained for another model, or when it is a head that only re-ranks.
    """
    choice = with_file(choice, default_head(model))
    if choice.file is None and choice.name not in LOOSE:
        raise _only_reranks(choice)
    loaded = load_head(choice, encoder, dim)
    if loaded.identity.name not in LOOSE:
        raise _only_reranks(choice)
    return loaded


def load_tagging_head(
    choice: HeadChoice, model: ModelChoice, encoder: EncoderIdentity, dim: int
) -> LoadedHead:
    """The chosen head for actions, which works on stored frames. Raises HeadMismatch."""
    return load_action_head(with_file(choice, default_action_head(model)), encoder, dim)


def stored_file(head: LoadedHead, model: ModelChoice) -> Path | None:
    """The file that a library notes; none for a head that ships with its model and may move."""
    shipped = (default_head(model).file, default_action_head(model).file)
    return None if head.identity.digest is None or head.file in shipped else head.file


def _choose(asked: str, names: Sequence[str], *, usual: Sequence[str]) -> HeadChoice:
    if asked in names:
        return HeadChoice(asked)
    file = typed_path(asked).resolve()
    if not file.is_file():
        raise HeadMismatch(
            f"there is no head {asked!r}: name {', '.join(usual[:-1])} or {usual[-1]}, "
            "or the file of a trained head (.safetensors)"
        )
    return HeadChoice(file=file)


def _only_reranks(choice: HeadChoice) -> HeadMismatch:
    return HeadMismatch(
        f"the head {choice.option!r} scores a text with every segment and cannot index them: "
        "use it with 'kinodex search --rerank'"
    )
