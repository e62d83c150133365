"""Which head is meant: by a name or file that was typed, and by what a library remembers."""

from pathlib import Path

from models.checkpoints import HeadMismatch, LoadedHead, default_head, load_head
from models.choice import EncoderIdentity, HeadChoice, ModelChoice
from models.head_config import HEAD_NAMES, LOOSE


def choose_head(asked: str) -> HeadChoice:
    """The head that a name or a file's path stands for.

    Raises HeadMismatch for a file that is not there.
    """
    if asked in HEAD_NAMES:
        return HeadChoice(asked)
    file = Path(asked).expanduser().resolve()
    if not file.is_file():
        raise HeadMismatch(
            f"there is no head {asked!r}: name {', '.join(LOOSE[:-1])} or {LOOSE[-1]}, "
            "or the file of a trained head (.safetensors)"
        )
    return HeadChoice(file=file)


def with_file(choice: HeadChoice, model: ModelChoice) -> HeadChoice:
    """The choice; a name without a file means the head of that name that ships with the model."""
    shipped = default_head(model)
    return shipped if choice.file is None and choice.name == shipped.name else choice


def load_fusing_head(
    choice: HeadChoice, model: ModelChoice, encoder: EncoderIdentity, dim: int
) -> LoadedHead:
    """The chosen head, which makes one embedding of a segment's frames.

    Raises HeadMismatch when there is no such trained head, when its file is damaged, when it was
    trained for another model, or when it is a head that only re-ranks.
    """
    choice = with_file(choice, model)
    if choice.file is None and choice.name not in LOOSE:
        raise _only_reranks(choice)
    loaded = load_head(choice, encoder, dim)
    if loaded.identity.name not in LOOSE:
        raise _only_reranks(choice)
    return loaded


def stored_file(head: LoadedHead, model: ModelChoice) -> Path | None:
    """The file that a library notes; none for a head that ships with its model and may move."""
    without_weights = head.identity.digest is None
    return None if without_weights or head.file == default_head(model).file else head.file


def _only_reranks(choice: HeadChoice) -> HeadMismatch:
    return HeadMismatch(
        f"the head {choice.option!r} scores a text with every segment and cannot index them: "
        "use it with 'kinodex search --rerank'"
    )
